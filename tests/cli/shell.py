"""The installed command as a subprocess, in a clean world."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("reeldrop")


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs `reeldrop` in an empty folder with nothing of the tester's environment."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])

    def start(self, *words: "str | Path") -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [COMMAND, *words],
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.defpath, "LC_ALL": "C"} | self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: "str | Path") -> Ended:
        process = self.start(*words)
        out, err = process.communicate(timeout=30)
        assert "Traceback" not in err, err
        return Ended(process.returncode, out, err)
