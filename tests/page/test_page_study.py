"""Recording and markers on the page, in a real browser: what a tired researcher sees and presses."""

from __future__ import annotations

import test_page_browser
from test_page_browser import browser, open_page, server, text, until, wait_text  # noqa: F401

pytestmark = test_page_browser.pytestmark

LINES = """() => [...document.querySelectorAll(".marker-line")].map((line) => [
  line.textContent, Math.round(line.getBoundingClientRect().left
    - document.querySelector("canvas.traces").getBoundingClientRect().left)])"""


def test_a_recording_is_started_seen_and_ended_and_what_it_locks_is_grey(open_page, server, tmp_path):  # noqa: F811
    page = open_page(server)
    assert text(page, "#record") == "Record"
    assert page.is_hidden("#panel-recording")
    page.click("#record")
    page.keyboard.type("P07")                            # the first field has the focus; p is no key of the page here
    page.fill("#task", "rest")
    page.fill("#notes", "left handed")
    page.select_option("#pre-roll", "10")
    page.check("#with-csv")
    server.study.refusal = "recordings: the disk has room for 3 min. At least 5 min are needed. Free some."
    page.click("#record-go")
    wait_text(page, "#recording-problem", r"^recordings: the disk has room for 3 min\.")
    server.study.refusal = None
    page.screenshot(path=tmp_path / "recording_form.png")
    page.press("#participant", "Enter")
    wait_text(page, "#record", r"^1:02$")
    assert server.study.words == [{"participant": "P07", "task": "rest", "notes": "left handed", "pre_roll_s": 10,
                                   "csv": True, "bids": False}]
    wait_text(page, "#recording-figures", r"^P07 · 13 MB · disk for 5 h$")
    assert text(page, "#recording-problem") == ""
    for command in ("Pause", "Shutdown"):
        assert page.is_disabled(f"[data-command={command}]")
        assert "End the recording first" in page.get_attribute(f"[data-command={command}]", "title")
    page.click("#record")
    assert page.is_hidden("#panel-recording")
    page.click("[data-stage=notch] summary")
    wait_text(page, "[data-stage=notch] .stage-lock", r"^Locked while bdf_sink records\. End the recording first\.$")
    assert page.is_disabled("[data-stage=notch] input >> nth=0")
    add, remove = (page.locator("[data-stage=notch] .stage-actions button").nth(at) for at in range(2))
    assert remove.is_disabled()
    add.click()                                          # a branch is allowed; into the path of a recording is not
    page.select_option("#add-type", "gain")
    page.select_option("#add-after", "acquire")
    wait_text(page, "#add-place", r"in the path, before notch \(locked: bdf_sink\)")
    assert page.is_disabled("#add-place option >> nth=1")
    page.click("#add-cancel")
    page.screenshot(path=tmp_path / "recording.png")

    page.click("#record")
    page.click("#record-go")
    wait_text(page, "#record-go", "^Press again to stop$")
    assert server.study.recording is not None
    page.click("#record-go")
    wait_text(page, "#record", "^Record$")
    assert server.study.recording is None
    until(page, "!document.querySelector('.stage-field input').disabled")
    assert page.is_enabled("[data-command=Pause]")
    page.click("#sessions summary")
    wait_text(page, ".session", r"P07, rest\s.*1:02 · 13 MB")
    assert page.get_attribute(".session-get", "href") == "/api/recordings/2026-11-21T14-45-12Z_P07.zip"
    page.click(".session-delete")
    wait_text(page, ".session-delete", "^Really delete$")
    assert len(server.study.sessions) == 1
    page.click(".session-delete")
    wait_text(page, "#sessions ul", "^None yet.$")


def test_a_recording_that_goes_on_and_fails_is_seen_by_who_comes_later(open_page, server):  # noqa: F811
    server.study.recording = {"id": "x", "state": "recording", "seconds": 7, "bytes": 0, "seconds_left": None}
    page = open_page(server)
    wait_text(page, "#record", "^0:07$")
    page.keyboard.press("r")
    wait_text(page, "#record-go", "^Stop recording$")
    server.push_safely({"event": "recording", **server.study.recording, "state": "failed", "error": "disk full."})
    wait_text(page, "#recording-problem", "^disk full.$")
    wait_text(page, "#record", "^Record$")
    assert text(page, "#state-text") == "running"


def test_markers_are_placed_by_key_button_and_field_and_stand_where_they_were(open_page, server, tmp_path):  # noqa: F811
    server.study.markers.append({"run_id": "run-1", "frame_index": 50, "text": "before", "t_unix_ns": 1, "t_ns": 0})
    page = open_page(server)
    wait_text(page, ".marker-line", "^before$")          # history: it came before the page did
    page.keyboard.press("3")
    page.click(".preset >> nth=1")
    page.fill("#marker-text", "cough 5")                 # a digit in a field is no key
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.marker-line').length === 4")
    wait_text(page, "#marker-newest", r"^newest: .*\d\d:\d\d:\d\d$")
    assert [marker["text"] for marker in server.study.markers] == ["before", "stimulus", "eyes closed", "cough 5"]
    assert page.input_value("#marker-text") == ""
    width = page.evaluate("document.querySelector('canvas.traces').getBoundingClientRect().width")
    expected = [round(marker["frame_index"] / server.sps / 10 * width) for marker in server.study.markers]
    lines = page.evaluate(LINES)
    assert [line[0] for line in lines] == ["before", "stimulus", "eyes closed", "cough 5"]
    assert all(abs(line[1] - x) <= 2 for line, x in zip(lines, expected, strict=True)), (lines, expected)
    page.screenshot(path=tmp_path / "markers.png")
    server.place_safely("to come", server.frame + server.sps // 2)
    assert len(page.evaluate(LINES)) == 4                # the sweep has not come to its frame
    until(page, "document.querySelectorAll('.marker-line').length === 5")
    page.click("#marker-edit-toggle")
    page.fill("#marker-edit", "go\n\nstop")
    page.click("#marker-edit-toggle")
    page.keyboard.press("2")
    until(page, "document.querySelectorAll('.marker-line').length === 6")
    assert server.study.markers[-1]["text"] == "stop"
    page.keyboard.press("Escape")
    server.set_state("stopped")
    until(page, "document.getElementById('marker-place').disabled")
    page.keyboard.press("1")
    page.wait_for_timeout(100)
    assert len(server.study.markers) == 6
