"""What `docs/deploy.md` offers: serving requirements with hashes and without torch, and a unit that systemd accepts."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "docs" / "deploy"
pytestmark = pytest.mark.skipif(not DEPLOY.exists(), reason="the deployment files are in the repository only")


def test_the_serving_requirements_are_those_that_are_tested_each_with_its_hashes_and_without_torch():
    lines = (DEPLOY / "requirements.txt").read_text().replace("\\\n", " ").split("\n")
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(wanted) > 40
    assert all(re.fullmatch(r"\S+==\S+( ;[^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", line) for line in wanted)
    pins = {line.split()[0].lower().replace("_", "-") for line in wanted}
    assert not {pin for pin in pins if pin.startswith(("torch=", "transformers=", "sentence-transformers="))}
    tested = {line.lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    assert pins <= tested, pins - tested
    assert "--require-hashes" in (DEPLOY / "Dockerfile").read_text()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit(tmp_path):
    unit = (DEPLOY / "articleqa.service").read_text().replace("/opt/articleqa/bin/articleqa", sys.executable)
    (tmp_path / "articleqa.service").write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "articleqa.service"], capture_output=True, text=True, timeout=60
    )
    assert "articleqa.service" not in done.stderr, done.stderr
