"""A stand-in for 1Password's `op`: reads what a folder holds, as `op read` would.

It is run by tests as a program. `OP_STUB` names the folder; beside the values it keeps
`calls.jsonl`, one line for each run.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

folder = Path(os.environ["OP_STUB"])
with (folder / "calls.jsonl").open("a", encoding="utf-8") as calls:
    told = {"argv": sys.argv[1:], "environ": dict(os.environ)}
    calls.write(json.dumps(told) + "\n")

modes = {"slow", "signed-out", "noisy"}
mode = next((m for m in modes if (folder / m).exists()), "")
command, ref, *_ = [*sys.argv[1:], "", ""]
values = json.loads((folder / "values.json").read_text("utf-8"))
if command != "read":
    sys.exit(f'[ERROR] unknown command "{command}" for "op"')
if mode == "slow":
    child = "import time; time.sleep(60)"
    started = subprocess.Popen([sys.executable, "-c", child])
    (folder / "child.pid").write_text(str(started.pid), "utf-8")
    sys.stdout.write("half-a-value")
    sys.stdout.flush()
    time.sleep(60)
if mode == "signed-out":
    sys.exit(
        "[ERROR] 2026/11/22 10:00:00 could not read secret: you are not signed in; "
        "canary-7f3a9c51e2d84b06"
    )
if ref not in values:
    item = ref.split("/")[3]
    sys.exit(
        f"[ERROR] 2026/11/22 10:00:00 could not read secret '{ref}': could not get "
        f'item: "{item}" isn\'t an item in the "Sandbox" vault. canary-7f3a9c51e2d84b06'
    )
if mode == "noisy":
    sys.stderr.write("[WARNING] a newer version of op is available\n")
sys.stdout.buffer.write(bytes.fromhex(values[ref]) + b"\n")
