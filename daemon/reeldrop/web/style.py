"""The look of the pages, in one piece so that a page is one file."""

STYLE = """
:root{--ink:#1c2230;--soft:#5d6678;--line:#e3e6ec;--sheet:#fff;--ground:#f5f6f9;--blue:#2f6fde;
--person:#b3261e;--waiting:#8a6d1a;--going:#2f6fde;--failed:#b3261e;--delivered:#1d7a4c}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaf1;--soft:#98a1b3;--line:#2c3342;--sheet:#1a1f2a;
--ground:#12151c;--blue:#82aeff;--person:#ff8a80;--waiting:#e0c068;--going:#82aeff;--failed:#ff8a80;
--delivered:#6fd3a0}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{margin:0;font-size:1.6rem}header p{margin:.2rem 0 1rem;color:var(--soft)}
header ul{display:flex;flex-wrap:wrap;gap:.5rem;margin:0;padding:0;list-style:none}
header li{padding:.35rem .8rem;border:1px solid var(--line);border-radius:99px;background:var(--sheet)}
.person b,.person h2{color:var(--person)}.waiting b,.waiting h2{color:var(--waiting)}
.going b,.going h2{color:var(--going)}.failed b,.failed h2{color:var(--failed)}
.delivered b,.delivered h2{color:var(--delivered)}
section{margin-top:2rem}h2{margin:0 0 .5rem;font-size:1.05rem}
section ol{margin:0;padding:0;list-style:none;background:var(--sheet);border:1px solid var(--line);
border-radius:.6rem;overflow:hidden}
section li{display:flex;gap:1rem;padding:.75rem 1rem;border-top:1px solid var(--line)}
section li:first-child{border-top:0}section li div{min-width:0;flex:1}
h3{margin:0;font-size:1rem;font-weight:600;overflow-wrap:anywhere}
a{color:var(--blue);text-decoration:none}a:hover{text-decoration:underline}
section p{margin:.15rem 0;overflow-wrap:anywhere;white-space:pre-line}small{color:var(--soft);overflow-wrap:anywhere}
progress{width:12rem;max-width:100%;margin-right:.6rem;vertical-align:middle;accent-color:var(--going)}
img{display:block;width:8rem;max-height:8rem;object-fit:contain;border-radius:.35rem;
background:var(--ground)}
.watches{margin:1rem 0 0;padding:0;list-style:none;color:var(--soft);overflow-wrap:anywhere}
.watches .ill{color:var(--failed);font-weight:600}
.empty{margin-top:2rem;color:var(--soft)}.blocked{color:var(--failed);font-weight:600}
@media (max-width:34rem){img{width:5rem}}
""".replace("\n", "")
