"""Stages on the page, in a real browser: settings that change, stages that come and go, with hands and with keys."""

from __future__ import annotations

import re

import test_page_browser
from test_page_browser import browser, open_page, server, text, until, wait_text  # noqa: F401

pytestmark = test_page_browser.pytestmark

IS_SEEN = """(selector) => {
  const found = document.querySelector(selector), box = found.getBoundingClientRect();
  return [box.top + 2, box.bottom - 10].every((y) => found.contains(document.elementFromPoint(box.left + 30, y)));
}"""


def test_a_setting_is_changed_while_data_flow(open_page, server):  # noqa: F811
    page = open_page(server, 1440, 900)
    summary = "[data-stage=notch] .stage-summary"
    assert page.locator(".stage-name").all_inner_texts()[:3] == ["acquire", "notch", "bandpass"]
    assert text(page, summary) == "hz 50 · family butterworth"
    page.click("[data-stage=notch] summary")
    hz = page.locator("[data-stage=notch] input")
    hz.fill("60")
    hz.press("Enter")
    wait_text(page, summary, "^hz 60 · family butterworth$")
    assert server.settings["hz"] == 60
    page.locator("[data-stage=notch] select").select_option("bessel")
    wait_text(page, summary, "^hz 60 · family bessel$")
    page.evaluate("document.querySelector('[data-stage=notch] .stage-fields').style.paddingBottom = '900px'")  # many
    for wrong, problem in [("9000", "notch.hz: 9000 Hz is above half the rate."), ("fast", "hz: .fast. is no num")]:
        hz.fill(wrong)
        hz.press("Enter")
        wait_text(page, "[data-stage=notch] .stage-problem", problem)
        assert hz.input_value() == "60"                              # what runs
        assert page.evaluate(IS_SEEN, "[data-stage=notch] .stage-problem")
    assert server.commands == ["UpdateParam"] * 3
    assert text(page, "#freeze-text") == "Freeze"                    # no key of the page was meant
    assert page.evaluate("eegcore.gaps") == 0


def test_a_stage_is_added_removed_and_brought_back_by_keyboard_alone(open_page, server, tmp_path):  # noqa: F811
    page = open_page(server, 800, 480)
    page.focus("[data-tab=stages]")
    page.keyboard.press("Enter")
    page.focus("[data-stage=notch] summary")
    page.keyboard.press("Enter")
    page.focus("[data-stage=notch] .stage-actions button >> nth=0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "add-type"
    assert page.locator("#add-type option").all_inner_texts() == ["notch", "gain", "websocket_sink", "csv_sink"]
    page.keyboard.press("c")                                         # in a list: what begins with it
    wait_text(page, "#add-doc", "^Write a file.$")
    wait_text(page, "#add-fields", "^path needed$")
    assert page.locator("#add-place option").count() == 1
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "Add after…"
    page.keyboard.press("Enter")
    page.keyboard.press("g")
    assert [page.input_value(f"#add-{key}") for key in ("type", "after", "place", "id")] == [
        "gain", "notch", "branch", "gain"]
    page.select_option("#add-place", "splice")
    factor, labels = (page.locator("#add-fields input").nth(at) for at in range(2))
    labels.fill("Fp1, O2")
    for wrong, problem in [("much", 'factor: "much" is no number.'), ("0", "0 leaves nothing. Remove the stage.")]:
        factor.fill(wrong)
        factor.press("Enter")
        wait_text(page, "#add-problem-factor", f"^{re.escape(problem)}$")
        assert factor.get_attribute("aria-invalid") == "true"
        assert page.evaluate("document.activeElement === document.querySelector('#add-fields input')")
    page.screenshot(path=tmp_path / "add_stage.png")
    factor.fill("2,5")
    factor.press("Enter")
    wait_text(page, ".stages-said", "^gain was added.")
    until(page, "document.activeElement.closest('li')?.dataset.stage === 'gain'")
    assert server.wishes[-1] == {"cmd": "AddStage", "stage_id": "gain", "after": "notch", "splice": True,
                                 "stage": {"type": "gain", "factor": 2.5, "labels": ["Fp1", "O2"]}}
    until(page, "document.querySelectorAll('#topic option').length === 2")
    assert page.input_value("#topic") == "eeg_filtered"              # nobody's picture goes because of a branch
    page.screenshot(path=tmp_path / "stage_added.png")
    page.focus("[data-stage=gain] .stage-actions button >> nth=1")
    page.keyboard.press("Enter")
    wait_text(page, ".stages-said", "^gain was removed.")
    assert page.locator("[data-stage=gain]").count() == 0
    assert page.evaluate("document.activeElement.textContent") == "Undo"
    page.keyboard.press("Enter")
    wait_text(page, ".stages-said", "^Undone.$")
    assert page.locator("[data-stage=gain]").count() == 1
    assert server.wishes[-2:] == [{"cmd": "RemoveStage", "stage_id": "gain"}, {"cmd": "Undo", "if_rev": 5}]
    assert page.locator("[data-stage=acquire] .stage-actions button").all_text_contents() == ["Add after…"]
    assert page.evaluate("eegcore.gaps") == 0
