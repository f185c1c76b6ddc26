"""Builds the wheel, installs it into a fresh environment and uses it outside the checkout: part of `make check`.

The fresh environment sees this one's dependencies, so that nothing is downloaded, but not this checkout.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
ARTICLE = next((CHECKOUT / "corpus" / "samples").glob("*blomqvist*"))
ASK = "from qa import ask; print(ask('Who replaces Sims?', articles=['article.txt']).text)"
MODULES = "import qa, index, corpus, app, eval, sys; print(*(sys.modules[n].__file__ for n in 'qa index app'.split()))"


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    outcome = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=os.environ | environment, capture_output=True, text=True
    )
    if outcome.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{outcome.stdout}{outcome.stderr}")
    return outcome.stdout.strip()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT, cwd=folder)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        run(python, "-m", "pip", "install", "--no-deps", "--no-index", *folder.glob("*.whl"), cwd=folder)
        site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder))
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        (folder / "article.txt").write_bytes(ARTICLE.read_bytes())
        assert str(CHECKOUT) not in run(python, "-c", MODULES, cwd=folder)
        assert "Aitken" in run(python, "-c", ASK, cwd=folder)
        articleqa = folder / "venv" / "bin" / "articleqa"
        answer = run(articleqa, "ask", "How old is Blomqvist?", cwd=folder, XDG_DATA_HOME=str(folder / "data"))
        assert "29" in answer, answer
        run(articleqa, "doctor", cwd=folder, XDG_DATA_HOME=str(folder / "data"))
    sys.stdout.write("wheel smoke test passed\n")


if __name__ == "__main__":
    main()
