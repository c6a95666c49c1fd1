"""The page's modules that need no page, tested by node; and what the page must never contain."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "eegcore" / "web"


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_modules_keep_their_word(name):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the page's modules are not tested without it")
    run = subprocess.run([node, "--test", str(HERE / name)], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"\bpass [1-9]", run.stdout), run.stdout


def test_page_needs_nothing_from_elsewhere():
    for path in WEB.iterdir():
        text = path.read_text(encoding="utf-8")
        text = text.replace("http://www.w3.org/2000/svg", "")          # a name, not an address
        assert not re.search(r"https?://|//cdn|@import", text), f"{path.name} refers to another place"


def test_page_obeys_its_content_security_policy():
    page = (WEB / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)|javascript:", page)
    forbidden = r"\beval\(|new Function|innerHTML|insertAdjacentHTML|setAttribute\(.style"
    for path in WEB.glob("*.js"):
        assert not re.search(forbidden, path.read_text(encoding="utf-8")), path.name


def test_every_file_the_page_names_exists():
    page = (WEB / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert "app.js" in named
    for path in WEB.glob("*.js"):
        named += re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8"))
    assert not [name for name in named if not (WEB / name).is_file()]
    icons = set(re.findall(r'href="#(icon-[a-z]+)"', page)) - set(re.findall(r'<symbol id="(icon-[a-z]+)"', page))
    assert not icons
