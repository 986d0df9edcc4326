BEGIN TRANSACTION;
CREATE TABLE charges (
    request_id TEXT PRIMARY KEY,
    job        TEXT NOT NULL,
    model      TEXT NOT NULL,
    at         REAL NOT NULL,
    usd        REAL,
    credits    REAL
);
INSERT INTO "charges" VALUES('00000000000000000000000000000001.1','00000000000000000000000000000001','"klingai/video-o1-video-to-video-reference"',1790000007.0,1.95,3900000.0);
INSERT INTO "charges" VALUES('00000000000000000000000000000004.1','00000000000000000000000000000004','"klingai/video-o1-video-to-video-reference"',1790000034.0,NULL,NULL);
INSERT INTO "charges" VALUES('00000000000000000000000000000005.1','00000000000000000000000000000005','"klingai/video-o1-video-to-video-reference"',1790000043.0,NULL,NULL);
INSERT INTO "charges" VALUES('00000000000000000000000000000007.1','00000000000000000000000000000007','"klingai/video-o1-video-to-video-reference"',1790000053.0,1.95,3900000.0);
INSERT INTO "charges" VALUES('00000000000000000000000000000008.1','00000000000000000000000000000008','"klingai/video-o1-video-to-video-reference"',1790000062.0,1.95,3900000.0);
INSERT INTO "charges" VALUES('00000000000000000000000000000009.1','00000000000000000000000000000009','"klingai/video-o1-video-to-video-reference"',1790000073.0,NULL,NULL);
INSERT INTO "charges" VALUES('0000000000000000000000000000000a.1','0000000000000000000000000000000a','"klingai/video-o1-video-to-video-reference"',1790000081.0,NULL,NULL);
CREATE TABLE hosts (
    id      TEXT PRIMARY KEY,
    started REAL NOT NULL
);
INSERT INTO "hosts" VALUES('7b27e5fe9dc68bdba0936961fa32bfdd',1790000001.0);
CREATE TABLE jobs (
    n               INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    source_key      TEXT NOT NULL,
    watch           TEXT NOT NULL,
    claim_folder    TEXT,
    state           TEXT NOT NULL,
    owner           TEXT,
    token           INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    late            INTEGER NOT NULL,
    claimed         INTEGER NOT NULL,
    not_before      REAL NOT NULL,
    created         REAL NOT NULL,
    updated         REAL NOT NULL,
    uncertain_since REAL,
    record          TEXT NOT NULL
, model TEXT NOT NULL DEFAULT '""', generation TEXT, ticket TEXT, spec_key TEXT NOT NULL DEFAULT '', origin_key TEXT NOT NULL DEFAULT '', leader TEXT, joined INTEGER NOT NULL DEFAULT 0, cancel INTEGER NOT NULL DEFAULT 0, taken INTEGER NOT NULL DEFAULT 0, files TEXT NOT NULL DEFAULT '[]');
INSERT INTO "jobs" VALUES(1,'00000000000000000000000000000001','"key-1"','main','".reeldrop/claims/1"','delivered',NULL,1,0,0,1,0.0,1790000002.0,1790000012.0,NULL,'{"path":"delivered.mp4","folder":"delivered","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"delivered.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"data_uri","labels":{"shot":"\u00e9"},"ticket":"\u00dcbung-1","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000001.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:delivered.mp4","submitted":1790000007.0,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":"https://x.example/y.mp4","download":"00000000000000000000000000000001.part","verdict":"delivered","staged":null,"final":"delivered","source":{"name":"delivered.mp4","bytes":12,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":{"name":"r.mp4","bytes":99,"sha256":"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","seconds":null,"width":null,"height":null,"fps":null,"codec":null},"cost":{"credits":3900000.0,"usd":1.95},"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"','"g\u00e9n:delivered.mp4"','"\u00dcbung-1"','1111111111111111111111111111111111111111111111111111111111111111','2222222222222222222222222222222222222222222222222222222222222222',NULL,0,0,1,'[{"at":"source/delivered.mp4","origin":"delivered.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(2,'00000000000000000000000000000002','"key-2"','main','".reeldrop/claims/2"','failed',NULL,1,0,0,1,0.0,1790000013.0,1790000021.0,NULL,'{"path":"failed.mp4","folder":"failed","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"failed.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000002.1"],"upload_mode":"data_uri","generation_id":null,"submitted":1790000018.0,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":"failed","staged":null,"final":"_failed/failed","source":{"name":"failed.mp4","bytes":12,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":{"code":"rejected","message":"no","hint":"try again"},"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"',NULL,NULL,'','',NULL,0,0,2,'[{"at":"source/failed.mp4","origin":"failed.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(3,'00000000000000000000000000000003','"key-3"','main','".reeldrop/claims/3"','cancelled',NULL,1,0,0,1,0.0,1790000022.0,1790000028.0,NULL,'{"path":"cancelled.mp4","folder":"cancelled","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"cancelled.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":0,"request_ids":[],"upload_mode":"","generation_id":null,"submitted":null,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":"cancelled","staged":null,"final":"_failed/cancelled","source":{"name":"cancelled.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":null,"seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"',NULL,NULL,'','',NULL,0,0,3,'[{"at":"source/cancelled.mp4","origin":"cancelled.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(4,'00000000000000000000000000000004','"key-4"','main','".reeldrop/claims/4"','generating','7b27e5fe9dc68bdba0936961fa32bfdd',1,0,0,1,0.0,1790000029.0,1790000037.0,NULL,'{"path":"fitted.mp4","folder":"fitted","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"fitted.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000004.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:fitted.mp4","submitted":1790000034.0,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"fitted.mp4","bytes":12,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":{"width":1280,"height":720,"fps":24.0,"seconds":10.0,"bytes":null,"copy":false,"frames":0},"fitted":{"name":"x.fit.mp4","bytes":8,"sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","seconds":null,"width":null,"height":null,"fps":null,"codec":null},"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"','"g\u00e9n:fitted.mp4"',NULL,'','',NULL,0,0,4,'[{"at":"source/fitted.mp4","origin":"fitted.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(5,'00000000000000000000000000000005','"key-5"','main','".reeldrop/claims/5"','generating','7b27e5fe9dc68bdba0936961fa32bfdd',1,0,0,1,0.0,1790000038.0,1790000045.0,NULL,'{"path":"generating.mp4","folder":"generating","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"generating.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000005.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:generating.mp4","submitted":1790000043.0,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"generating.mp4","bytes":12,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"','"g\u00e9n:generating.mp4"',NULL,'3333333333333333333333333333333333333333333333333333333333333333','',NULL,0,0,5,'[{"at":"source/generating.mp4","origin":"generating.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(6,'00000000000000000000000000000007','"key-7"','main','".reeldrop/claims/7"','downloading','7b27e5fe9dc68bdba0936961fa32bfdd',1,0,0,1,0.0,1790000048.0,1790000056.0,NULL,'{"path":"f.0000.png","folder":"f.0000","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"f.0000.png"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000007.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:f.0000.png","submitted":1790000053.0,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":"https://x.example/y.mp4","download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"f.0000.png","bytes":12,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":{"credits":3900000.0,"usd":1.95},"error":null,"fit":{"width":null,"height":null,"fps":24.0,"seconds":null,"bytes":null,"copy":false,"frames":300},"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"','"g\u00e9n:f.0000.png"',NULL,'','',NULL,0,0,6,X'785E759BC1CA24E71104DFE53F0B79AA7A667A7A5FC5E8608C2C844132B27D10C6EFEE3AA8B33019A9630892AF87D8AFD90DFACFFFF9FACBBFBEBE7DFDF3D77FFFF6D71FFFF4B7EF1FF3DFF7FFF8E5A7AFEFBE7EFDEDE79F7EFE65FEE7FFD1BFFFF8FBA0FAF6F8767C7B7EFDF73B18281CB8E93D5079A071E0A6F740E78103076E7A0F1C79E0890337BD079E79E0850337BD075E79E08D0337BD07DE79E0C4819BDE03671EF8E0C04DEF814F1EB870E0A6F7C015070A4D14954859C5421545B5905D2C7451540B59C6421945B5906D2CB451540B59C7421D45B5907D2CF451540B59C8422145B5908D2C3452540B59C9422545B5909D6C745254775376B2D149512D64271B9D14D54276B2D149512D64271B9D14D54276B2D149512D64271B9D14D54276B2D149512D64271B9D14D54276B2D149512D64270F745254AFBBECE4814E8A6A213B79A093A25AC84E1EE8A4A816B293073A29AA85ECE4814E8A6A213B79A093A25AC84E1EE8A4A816B293073A29AA85ECE4814E8A6A213BF9442745EF856776F2894E8A6A213BF9442745B5909D7CA293A25AC84E3ED149512D64279FE8A4A816B2934F7452540BD9C9273A29AA85ECE4139D14D54276F2894E8A6A213BF9422745EF855776F2854E8A6A213BF9422745B5909D7CA193A25AC84EBED049512D64275FE8A4A816B2932F7452540BD9C9173A29AA85ECE40B9D14D54276F2854E8A6A213BF9462745EF857776F28D4E8A6A213BF9462745B5909D7CA393A25AC84EBED149512D6427DFE8A4A816B2936F7452540BD9C9373A29AA85ECE41B9D14D54276F28D4E8A6A213B79A293A2F7C2999D3CD149512D64274F7452540BD9C9139D14D54276F2442745B5909D3CD149512D64274F7452540BD9C9139D14D54276F2442745B5909D3CD149512D64273FE8A4E8BDF0C94E7ED049512D64273FE8A4A816B2931F7452540BD9C90F3A29AA85ECE4079D14D54276F2834E8A6A213BF9412745B5909DFCA093A25AC84E7ED049512D64272F7452F45EB8B293173A29AA85ECE4854E8A6A213B79A193A25AC84E5EE8A4A816B293173A29AA85ECE4854E8A6A213B79A193A25AC84E5EE8A4A816B293173A29AA85E86461BD597A2F0C49FFEC5E0F9272E94E442BEB41562EDD89A8653D48CBA53B11BDAC0779B97427A298F5203197EE4434B31E64E6D29D886AD683D45CBA13D1CD7A909B4B7722CA590F9273E94E643BB1E894179DCA7662D229483AD94E6C3AE54DA7B29D1875CAA34E653BB1EA94579DCA7662D629CF3A95EDC4AE53DE752ADB8961A73CEC54B613CB4E79D9A96C27A69DF2B453D94E6C3B656D6748BC3B31EE94C59D217902EF4EAB3BD5D94ECC3B657967483E05DE9DD677AAB39D1878CA02CF907C0ABC3BADF054673B31F194259E21F91478775AE3A9CE7662E4298B3C43E229B0F294559E217902DFEC9679EAC87662E729EB3C43F229F0CD6EA1A78E6C27969EB2D233249F02DFEC967AEAC87662EB296B3D43F229F0CD6EB1A78E6C27D69EB2DA33249F02DFEC967BEAC87662EF29EB3D43E22930F894059F217902EF4E2B3EF5CC7662F2294B3E43F229F0EEB4E653CF6C27469FB2E833249F02EF4EAB3EF5CC7662F629CB3E43F229F0EEB4EE53CF6C27869FB2F033249E02CB4F59F9199227F0EEB4F453AF6C27B69FB2F633249F02EF4E8B3FF5CA7662FD29AB3F43F229F0EEB4FC53AF6C27F69FB2FE33249F02EF4E0B40F5CA7662012A2B4043F229F0EEB40454AF6C2736A0B20634249E02235059041A9227F0EEB40A54EF6C2766A0B20C34249F02EF4EEB40F5CE7662082A0B4143F229F0EEB41254EF6C27A6A0B21434249F02EF4E6B41F5CE76620C2A8B4143E229B00695D5A0217902EF4ECB4175663BB10795F5A021F91478775A10AA33DB8945A8AC080DC9A7C0BBD392509DD94E6C42654D68483E05DE9D1685EACC7662152AAB4243F229F0EEB42C5467B613BB5059171A124F8161A82C0C0DC91378775A19AA4FB613D350591A1A924F8177A7B5A1FA643B310E95C5A121F91478775A1DAA4FB613F350591E1A924F8177A7F5A1FA643B31109505A221F1145888CA0AD1903C8177A725A2BAB29DD888CA1AD1907C0ABC3B2D12D595EDC44A54568986E453E0DD6999A8AE6C2776A2B24E34249F02EF4E0B4575653BB1149595A221F91478775A2AAA2BDAD9D88A96DEFFA03F249DA2B1152DDD896867632B5ABA13D1CEC656B47427A29D8DAD68E94E443B1B5BD1D29D887636B6A2A53B11ED6C6C454B7722DAD9D88A96EE44B4B3B1152DDD896C27B6A2B6563424DA89ADA8AD150DC913F4666F6B4543F204DD9D6DAD68489EA0377B5B2B1A9227E8EE6C6B4543F204BDD9DB5AD1903C4177675B2B1A9227E8CDDED68A86E409BA3BDB5AD1903881ADA8FD3BA0DC8A1A5BD152FD19C9ADA8F14BA0A53B91EDC456D4FE29506E458DDF022DDD53643BB115B57F0C945B51E3D7404BF714D94E6C45ED9F03E556D4F83DD0D23D45B6135B51FB0741B91535B6A2A53A456E458D9F042DDD897C77622B6A6B4543E21F33FC28A8AD150DC91378775A2BEADC8A1A3F0B5ABABF45BE3BB115B5B5A221F941F0EEB456D4B91535B6A2A5FB20D94EFC34A8AD150D890F82ADA8AD150DC913F4B7A2B65634244FE09BDD5A51E756D4D88A96EAE7CCADA8F1FBA0A53B91EF4E6C456DAD6848FE2DF0CD6EADA8732B6A6C454BF741F29B1DBF116A6B4543F283E09BDD5A51E756D4D88A96EA41722B6AFC4C68E94E643BB115B5B5A221F1B7C00F85DA5AD1903C8177A7B5A2CEADA8F153A1A5FB5B643BB115B5B5A221F941F0EEB456D4B91535B6A2A5FB20D94EFC5CA8AD150D890F82ADA8AD150DC91378775A2BEADC8A1ABF185AAADF22B7A2C656B47427B29DF8CD505B2B1A927F0BFC5B91B5A2CEADA8F1ABA1A5FB20D94E6C456DAD68487E10FC5B91B5A2CEADA8B1152DDD07C976622B6A6B4543E283E0A7436DAD68489EC037BBB5A2CEADA8F1E3A1A5FA2D722B6A6C454B7722DB899F0FB5B5A221F9B7C037BBB5A2CEADA8F103A2A5FB20D94E6C456DAD68487E107CB35B2BEADC8A1A5BD1523D486E458DAD68E94E643BF12BA2B6563424FE16D88ADA5AD1903C816F766B459D5B51632B5ABABF45B613BF246A6B4543F283E09BDD5A51E756D4F82DD1D27D906C27B6A2B65634243E08B6A2B65634244FE09BDD5A51E756D4D88A96EAB7C8ADA8F183A2A53B91EDC456D4D68A86E4DF02DFECD68A3AB7A2C656B4741F24DB891F15B5B5A221F941F0CD6EADA8732B6AFCAC68E93EC81F76FEF03F200BCC60');
INSERT INTO "jobs" VALUES(7,'00000000000000000000000000000008','"key-8"','main','".reeldrop/claims/8"','delivering','7b27e5fe9dc68bdba0936961fa32bfdd',1,0,0,1,0.0,1790000057.0,1790000067.0,NULL,'{"path":"delivering.mp4","folder":"delivering","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"delivering.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000008.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:delivering.mp4","submitted":1790000062.0,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":"https://x.example/y.mp4","download":"00000000000000000000000000000008.part","verdict":"delivered","staged":".reeldrop/staging/x","final":"delivering","source":{"name":"delivering.mp4","bytes":12,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":{"name":"r.mp4","bytes":99,"sha256":"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","seconds":null,"width":null,"height":null,"fps":null,"codec":null},"cost":{"credits":3900000.0,"usd":1.95},"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"','"g\u00e9n:delivering.mp4"',NULL,'','',NULL,0,0,7,'[{"at":"source/delivering.mp4","origin":"delivering.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(8,'00000000000000000000000000000009','"key-9"','main','".reeldrop/claims/9"','uncertain',NULL,1,0,0,1,0.0,1790000068.0,1790000075.0,1790000075.0,'{"path":"uncertain\udcff.mp4","folder":"uncertain\udcff","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"uncertain\udcff.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"held","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000009.1"],"upload_mode":"data_uri","generation_id":null,"submitted":1790000073.0,"searched":60.0,"held":true,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"uncertain\udcff.mp4","bytes":12,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"',NULL,NULL,'','',NULL,0,0,8,'[{"at":"source/uncertain\udcff.mp4","origin":"uncertain\udcff.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(9,'0000000000000000000000000000000a','"key-10"','main','".reeldrop/claims/10"','submitting','7b27e5fe9dc68bdba0936961fa32bfdd',1,0,0,1,0.0,1790000076.0,1790000082.0,NULL,'{"path":"submitting.mp4","folder":"submitting","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"submitting.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["0000000000000000000000000000000a.1"],"upload_mode":"data_uri","generation_id":null,"submitted":1790000081.0,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"submitting.mp4","bytes":12,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"',NULL,NULL,'','',NULL,0,0,9,'[{"at":"source/submitting.mp4","origin":"submitting.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(10,'0000000000000000000000000000000b','"key-11"','main','".reeldrop/claims/11"','uploading','7b27e5fe9dc68bdba0936961fa32bfdd',1,0,0,1,0.0,1790000083.0,1790000087.0,NULL,'{"path":"uploading.mp4","folder":"uploading","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"uploading.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":0,"request_ids":[],"upload_mode":"","generation_id":null,"submitted":null,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"uploading.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":null,"seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"',NULL,NULL,'','',NULL,0,0,10,'[{"at":"source/uploading.mp4","origin":"uploading.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(11,'00000000000000000000000000000006','"key-6"','main','".reeldrop/claims/6"','generating','7b27e5fe9dc68bdba0936961fa32bfdd',1,0,0,1,0.0,1790000046.0,1790000091.0,NULL,'{"path":"joined.mp4","folder":"joined","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"joined.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":0,"request_ids":[],"upload_mode":"","generation_id":"g\u00e9n:generating.mp4","submitted":1790000043.0,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"joined.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":null,"seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"','"g\u00e9n:generating.mp4"',NULL,'3333333333333333333333333333333333333333333333333333333333333333','','00000000000000000000000000000005',1,0,11,'[{"at":"source/joined.mp4","origin":"joined.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(12,'0000000000000000000000000000000c','"key-12"','main','".reeldrop/claims/12"','queued',NULL,0,3,0,1,0.0,1790000092.0,1790000093.0,NULL,'{"path":"queued.mp4","folder":"queued","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"queued.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"farm \ud800 17","reason":"the account is empty","tries":0,"attempts":0,"request_ids":[],"upload_mode":"","generation_id":null,"submitted":null,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"queued.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":null,"seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":null,"fitted":null,"references":[{"at":"references/0.png","origin":"ref/\u00e9.png","key":"5:6:7:8"}]}','"klingai/video-o1-video-to-video-reference"',NULL,'"farm \ud800 17"','','',NULL,0,0,0,'[{"at":"source/queued.mp4","origin":"queued.mp4","key":"1:2:3:4"}]');
INSERT INTO "jobs" VALUES(13,'0000000000000000000000000000000d','"key-13"','main',NULL,'queued',NULL,0,0,0,0,0.0,1790000095.0,1790000096.0,NULL,'{"path":"kept.mp4","folder":"kept","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"kept.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":0,"request_ids":[],"upload_mode":"","generation_id":null,"submitted":null,"searched":0.0,"held":false,"aside":false,"settled":0,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"kept.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[{"name":"ref/\u00e9.png","bytes":34,"sha256":null,"seconds":null,"width":null,"height":null,"fps":null,"codec":null}],"result":null,"cost":null,"error":null,"fit":null,"fitted":null,"references":[]}','"klingai/video-o1-video-to-video-reference"',NULL,NULL,'','',NULL,0,0,0,'[{"at":"kept.mp4","origin":"kept.mp4","key":"1:2:3:4"}]');
CREATE TABLE journal (
    n     INTEGER PRIMARY KEY,
    job   TEXT NOT NULL,
    at    REAL NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    token INTEGER NOT NULL,
    host  TEXT NOT NULL,
    note  TEXT NOT NULL
);
INSERT INTO "journal" VALUES(1,'00000000000000000000000000000001',1790000004.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(2,'00000000000000000000000000000001',1790000006.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(3,'00000000000000000000000000000001',1790000008.0,'declared','submitting',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(4,'00000000000000000000000000000001',1790000009.0,'accepted','generating',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(5,'00000000000000000000000000000001',1790000010.0,'completed','downloading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(6,'00000000000000000000000000000001',1790000011.0,'fetched','delivering',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(7,'00000000000000000000000000000001',1790000012.0,'placed','delivered',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(8,'00000000000000000000000000000002',1790000015.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(9,'00000000000000000000000000000002',1790000017.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(10,'00000000000000000000000000000002',1790000019.0,'declared','submitting',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(11,'00000000000000000000000000000002',1790000020.0,'refused','delivering',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(12,'00000000000000000000000000000002',1790000021.0,'placed_failed','failed',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(13,'00000000000000000000000000000003',1790000024.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(14,'00000000000000000000000000000003',1790000026.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(15,'00000000000000000000000000000003',1790000027.0,'cancel','delivering',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(16,'00000000000000000000000000000003',1790000028.0,'placed_cancelled','cancelled',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(17,'00000000000000000000000000000004',1790000031.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(18,'00000000000000000000000000000004',1790000033.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(19,'00000000000000000000000000000004',1790000035.0,'declared','submitting',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(20,'00000000000000000000000000000004',1790000036.0,'accepted','generating',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(21,'00000000000000000000000000000004',1790000037.0,'noted','generating',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(22,'00000000000000000000000000000005',1790000040.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(23,'00000000000000000000000000000005',1790000042.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(24,'00000000000000000000000000000005',1790000044.0,'declared','submitting',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(25,'00000000000000000000000000000005',1790000045.0,'accepted','generating',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(26,'00000000000000000000000000000007',1790000050.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(27,'00000000000000000000000000000007',1790000052.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(28,'00000000000000000000000000000007',1790000054.0,'declared','submitting',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(29,'00000000000000000000000000000007',1790000055.0,'accepted','generating',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(30,'00000000000000000000000000000007',1790000056.0,'completed','downloading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(31,'00000000000000000000000000000008',1790000059.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(32,'00000000000000000000000000000008',1790000061.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(33,'00000000000000000000000000000008',1790000063.0,'declared','submitting',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(34,'00000000000000000000000000000008',1790000064.0,'accepted','generating',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(35,'00000000000000000000000000000008',1790000065.0,'completed','downloading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(36,'00000000000000000000000000000008',1790000066.0,'fetched','delivering',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(37,'00000000000000000000000000000008',1790000067.0,'noted','delivering',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(38,'00000000000000000000000000000009',1790000070.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(39,'00000000000000000000000000000009',1790000072.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(40,'00000000000000000000000000000009',1790000074.0,'declared','submitting',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(41,'00000000000000000000000000000009',1790000075.0,'outcome_unknown','uncertain',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(42,'0000000000000000000000000000000a',1790000078.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(43,'0000000000000000000000000000000a',1790000080.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(44,'0000000000000000000000000000000a',1790000082.0,'declared','submitting',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(45,'0000000000000000000000000000000b',1790000085.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(46,'0000000000000000000000000000000b',1790000087.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(47,'00000000000000000000000000000006',1790000088.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(48,'00000000000000000000000000000006',1790000090.0,'taken','uploading',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(49,'00000000000000000000000000000006',1790000091.0,'joined','generating',1,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(50,'0000000000000000000000000000000c',1790000094.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
INSERT INTO "journal" VALUES(51,'0000000000000000000000000000000d',1790000097.0,'added','queued',0,'7b27e5fe9dc68bdba0936961fa32bfdd','{}');
CREATE TABLE kept (
    watch  TEXT NOT NULL,
    path   TEXT NOT NULL,
    key    TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (watch, path, key)
);
INSERT INTO "kept" VALUES('main','"kept.mp4"','1:2:3:4','00ff','0000000000000000000000000000000d');
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO "meta" VALUES('schema','3');
INSERT INTO "meta" VALUES('store_id','9f1b269e3e131d974fc126d75be3144a');
INSERT INTO "meta" VALUES('paused','1790000500.0');
INSERT INTO "meta" VALUES('blocks','[{"reason": "the account is empty", "scope": "all", "of": "", "passing": false}]');
INSERT INTO "meta" VALUES('health','[{"watch": "main", "scanned": 1790000100.0, "trouble": "", "modes": []}]');
INSERT INTO "meta" VALUES('places','{"/srv/in": "mount:1"}');
CREATE TABLE orders (
    n      INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL NOT NULL,
    kind   TEXT NOT NULL,
    args   TEXT NOT NULL,
    answer TEXT
);
INSERT INTO "orders" VALUES(1,1790000400.0,'pause','{"why": "\u00e9"}',NULL);
CREATE TABLE prices (
    model TEXT PRIMARY KEY,
    usd   REAL NOT NULL
);
INSERT INTO "prices" VALUES('"klingai/video-o1-video-to-video-reference"',1.95);
CREATE TABLE probing (
    watch   TEXT NOT NULL,
    path    TEXT NOT NULL,
    key     TEXT NOT NULL,
    host    TEXT NOT NULL,
    crashes INTEGER NOT NULL,
    PRIMARY KEY (watch, path, key)
);
INSERT INTO "probing" VALUES('main','"odd\udcff.mp4"','1:2:3:4','7b27e5fe9dc68bdba0936961fa32bfdd',0);
CREATE TABLE waiting (
    n      INTEGER PRIMARY KEY,
    watch  TEXT NOT NULL,
    path   TEXT NOT NULL,
    reason TEXT NOT NULL,
    since  REAL NOT NULL
);
INSERT INTO "waiting" VALUES(1,'main','"w.mp4"','"waiting for sidecar w.json"',1790000000.0);
CREATE TABLE watches (
    name   TEXT PRIMARY KEY,
    inbox  TEXT NOT NULL,
    outbox TEXT NOT NULL
);
INSERT INTO "watches" VALUES('main','"/srv/in"','"/srv/out"');
CREATE UNIQUE INDEX jobs_source ON jobs (source_key)
    WHERE state NOT IN ('delivered', 'failed', 'cancelled');
CREATE INDEX jobs_uncertain ON jobs (uncertain_since) WHERE uncertain_since IS NOT NULL;
CREATE INDEX jobs_claim ON jobs (claim_folder, watch) WHERE claim_folder IS NOT NULL;
CREATE INDEX jobs_updated ON jobs (updated);
CREATE INDEX journal_job ON journal (job, n);
CREATE INDEX journal_declared ON journal (at) WHERE event = 'declared';
CREATE INDEX waiting_watch ON waiting (watch);
CREATE INDEX jobs_ticket ON jobs (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX jobs_spec ON jobs (spec_key, state) WHERE spec_key <> '';
CREATE INDEX jobs_origin ON jobs (origin_key) WHERE origin_key <> '';
CREATE INDEX jobs_leader ON jobs (leader) WHERE leader IS NOT NULL;
CREATE INDEX jobs_generation ON jobs (generation) WHERE generation IS NOT NULL;
CREATE INDEX jobs_taken ON jobs (taken);
CREATE INDEX jobs_state ON jobs (state, claimed, priority, created, n, not_before, late, joined);
CREATE INDEX charges_at ON charges (at);
CREATE INDEX charges_job ON charges (job);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('orders',1);
COMMIT;
