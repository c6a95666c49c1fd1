"""`acquire` on hardware: wires, chains, clocks, what fits on the bus, and what only the emulator has."""

from __future__ import annotations

import pytest

from eegcore.control.preparing import prepare
from eegcore.errors import ConfigError
from eegcore.pipeline import Pipeline
from eegcore.stages import catalogue
from eegcore.stages.base import Context, SettingProblem


def test_a_board_brings_its_wires(describe):
    native = describe("acquire", board="pieeg").native
    assert native["bus"] == "linux"
    assert native["wires"] == {
        "spi": ["/dev/spidev0.0"],
        "cs": [""],
        "drdy": ["GPIO26"],
        "start": "",
        "reset": "",
        "pwdn": "",
        "gpiochip": ["pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"],
    }
    two = describe("acquire", board="pieeg16").native
    assert (two["wires"]["spi"], two["wires"]["cs"]) == (["/dev/spidev0.0", "/dev/spidev0.1"], ["", "GPIO19"])
    assert (two["n_drdy"], two["wires"]["drdy"]) == (2, ["GPIO26", "GPIO13"])
    assert describe("acquire", board="evm").native["wires"]["reset"] == "GPIO23"


def test_wires_of_the_pipeline_win(describe):
    native = describe(
        "acquire", board="pieeg", drdy="GPIO5", gpiochip="my-gpio", start="GPIO6", spi_hz=2_000_000
    ).native
    assert native["wires"]["drdy"] == ["GPIO5"]
    assert native["wires"]["gpiochip"] == ["my-gpio"]
    assert native["wires"]["start"] == "GPIO6"
    assert native["spi_hz"] == 2_000_000


def test_several_chips_are_selects_or_a_chain(describe):
    chips = [{"spi": "/dev/spidev0.0", "drdy": "GPIO25"}, {"spi": "/dev/spidev0.1"}, {"chained": True}]
    native = describe("acquire", board="ads1299", chips=chips).native
    assert native["chips_in"] == [1, 2]
    assert native["n_channels"] == [8, 8, 8]
    assert native["n_drdy"] == 1
    assert native["clock_master"] == [1, 0, 0]
    configs = [bytes.fromhex(image)[1] for image in native["registers"]]
    assert configs == [0x90 | 0x40 | 0x20 | 6, 0x90 | 6, 0x90 | 6]  # not a chain, drives the clock; both of the chain
    assert native["registers"][1] == native["registers"][2]


def test_labels_may_be_given_by_chip(describe, refusal):
    chips = [{"channels": ["a", "b", "c", "d"]}, {"channels": ["e", "f", "g", "h", "i", "j"]}]
    stream = describe("acquire", chips=chips).outputs[0].stream
    assert stream.labels == tuple("abcdefghij")
    assert refusal("acquire", chips=[chips[0], {}]).startswith("chips: some chips have labels and some")
    assert refusal("acquire", chips=chips, labels=list("abcdefghij")).startswith("labels: labels are given here and in")
    assert refusal("acquire", chips=[{"channels": ["a"]}]).startswith("chips: chip 1 has 1 labels | 4, 6 or 8")


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"board": "ads1299"}, "drdy: the data-ready line of the first chip is not given"),
        ({"board": "elata"}, "drdy: the data-ready line of the first chip is not given"),
        ({"board": "pieeg", "channels": 16}, "chips: chip 2 has no spi node"),
        ({"board": "ads1299", "chips": [{"chained": True}]}, "chips: the first chip is chained"),
        (
            {"board": "ads1299", "drdy": "GPIO25", "chips": [{}, {"chained": True, "spi": "/dev/spidev0.1"}]},
            "chips: chip 2 is chained and has wires of its own",
        ),
        (
            {"board": "ads1299", "drdy": "GPIO25", "chips": [{}, {"spi": "/dev/spidev0.0"}]},
            "chips: chips 1 and 2 have the same select (/dev/spidev0.0)",
        ),
        (
            {"board": "ads1299", "drdy": "GPIO25", "chips": [{"spi": "/dev/spidev10.0"}]},
            "chips: /dev/spidev10.0 belongs to the boot EEPROM",
        ),
        (
            {
                "board": "ads1299",
                "chips": [{"drdy": "GPIO1"}, {"spi": "/dev/spidev0.1", "drdy": "GPIO2"}, {"spi": "/dev/spidev1.0"}],
            },
            "chips: 2 data-ready lines for 3 chips",
        ),
        ({"board": "pieeg", "sps": 300}, "sps: 300 is no data rate of the chip | 250 500 1000 2000 4000 8000 16000"),
        ({"board": "pieeg", "signal": "eeg"}, "signal: board: pieeg has no signal; only the emulator has"),
        ({"board": "pieeg", "faults": []}, "faults: board: pieeg has no faults"),
        ({"clock_hz": 2e6}, "clock_hz: 2e+06 Hz, and the clock is the chip's own"),
        ({"lead_off": {"mode": "ac", "hz": 10.0}}, "lead_off: hz 10.0 is no tone of the chip"),
        ({"lead_off": {"mode": "dc", "comparator_percent": 50.0}}, "lead_off: comparator_percent 50 is no threshold"),
        ({"bias": ["Nz"]}, "bias: no channel is called 'Nz'"),
        ({"srb2": ["Nz"]}, "srb2: no channel is called 'Nz'"),
        ({"input": ["test"]}, "input: 1 inputs for 8 channels"),
        (
            {"chips": [{}, {"chained": True}], "gain": [24] * 8 + [12] * 8},
            "chips: chip 2 is chained and its channels differ",
        ),
        ({"electrode_kohm": [5.0]}, "electrode_kohm: 1 impedances for 8 channels"),
        ({"electrode_kohm": -1.0}, "electrode_kohm: -1 to -1 kOhm | 0 to 1e6"),
        ({"faults": [{"kind": "eio", "chip": 1}]}, "faults: fault 1 (eio): there is no chip 1 | 0 to 0"),
        ({"faults": [{"kind": "miso_stuck", "value": 7}]}, "faults: fault 1 (miso_stuck): value 7 | 0, 255"),
        ({"faults": [{"kind": "wrong_id"}]}, "faults: fault 1 (wrong_id): value 0 | 1 to 255"),
        ({"faults": [{"kind": "drdy", "value": 4}]}, "faults: fault 1 (drdy): value 4"),
        (
            {"faults": [{"kind": "electrode_off", "value": 8}]},
            "faults: fault 1 (electrode_off): chip 0 has no channel 8",
        ),
        ({"faults": [{"kind": "eio", "times": 3}]}, "faults: fault 1 (eio) comes 3 times and every is 0"),
        ({"faults": [{"kind": "eio", "times": 4096, "every": 1}] * 2}, "faults: 8192 faults with their repeats"),
    ],
)
def test_what_no_board_can_do_is_refused(refusal, settings, wanted):
    assert refusal("acquire", **settings).startswith(wanted)


def test_what_does_not_fit_between_two_edges_is_refused(describe, refusal):
    four = [{"spi": f"/dev/spidev{n // 2}.{n % 2}", **({"drdy": "GPIO25"} if n == 0 else {})} for n in range(4)]
    told = refusal("acquire", board="ads1299", chips=four, sps=16000)
    assert told == (
        "sps: 4 chips at 16000 SPS need 128 us a frame over SPI at 20 MHz, and 61 us are there | At most 4000 "
        "SPS with these chips at this speed | Lower sps, or put the chips into a daisy chain"
    )
    told = refusal("acquire", board="ads1299", chips=four, sps=4000, spi_hz=4_000_000)
    assert told.endswith("At most 2000 SPS with these chips at this speed | Lower sps, or raise spi_hz (20 MHz at "
                         "most), or put the chips into a daisy chain")
    chain = [four[0], *[{"chained": True}] * 3]
    told = refusal("acquire", board="ads1299", chips=chain, sps=16000)
    assert told.endswith("At most 8000 SPS with these chips at this speed | Lower sps")
    assert describe("acquire", board="ads1299", chips=four, sps=4000).native["spi_hz"] == 20_000_000
    assert describe("acquire", board="ads1299", chips=four[:1], sps=16000).native["spi_hz"] == 20_000_000
    assert describe("acquire", board="ads1299", chips=four[:1], sps=250).native["spi_hz"] == 4_000_000
    assert (
        describe("acquire", chips=[{}] * 4, sps=16000).native["bus"] == "emulator"
    )  # emulated wires are what they are


def test_a_board_with_a_slow_bus_is_told_what_fits_on_that_bus(refusal):
    assert refusal("acquire", board="pieeg", sps=16000).startswith(
        "sps: 1 chip at 16000 SPS needs 95 us a frame over SPI at 4 MHz, and 61 us are there | At most 8000 "
        "SPS with these chips at this speed |"
    )


def test_chips_of_one_acquire_have_one_clock(designer):
    stage = catalogue()["acquire"]
    settings = stage.Settings(chips=[{}, {}], clock="own")
    with pytest.raises(SettingProblem, match="2 chips with a clock each drift apart"):
        stage.describe(settings, [], Context("acquire", "real", designer))


def test_a_device_cannot_wait(describe):
    assert describe("acquire", board="pieeg").outputs[0].stream.can_wait is False


def test_faults_are_written_out_and_in_order(describe):
    faults = [
        {"kind": "eio", "at": 100, "every": 50, "times": 3, "n": 2},
        {"kind": "drop_edge", "at": 120, "n": 4},
        {"kind": "wrong_id", "value": 0x92},
    ]
    world = describe("acquire", faults=faults).native["world"]
    assert world["faults"] == [[5, 0, 100, 2, 0], [1, 0, 120, 4, 0], [5, 0, 150, 2, 0], [5, 0, 200, 2, 0]]
    assert world["ids"] == [0x92]


def test_the_lead_off_current_travels_with_the_stream(describe):
    stream = describe("acquire", sps=1000, lead_off={"mode": "ac", "hz": "fdr/4", "labels": ["O1"]}).outputs[0].stream
    assert stream.meta["lead_off"] == {"mode": "ac", "current_a": 6e-9, "inputs": "p", "hz": 250.0, "labels": ["O1"]}
    assert "lead_off" not in describe("acquire").outputs[0].stream.meta


def test_a_reference_on_srb2_turns_the_sign(describe):
    stream = describe("acquire", reference="srb2").outputs[0].stream
    assert all(scale < 0 for scale in stream.scale_uv)


def test_what_the_chip_makes_itself_is_not_turned(describe):
    inputs = ["normal", "test", "temperature", "supply", "bias", "shorted", "normal", "off"]
    stream = describe("acquire", reference="srb2", input=inputs).outputs[0].stream
    assert [scale < 0 for scale in stream.scale_uv] == [name == "normal" for name in inputs]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"start": "GPIO25"}, "start: start is GPIO25, which is drdy already"),
        ({"reset": "gpio5", "pwdn": "5"}, "pwdn: pwdn is 5, which is reset already"),
        ({"reset": "GPIO10"}, "reset: reset is GPIO10, which is a line of SPI bus 0 already"),
        ({"drdy": "GPIO40"}, "drdy: the header has no GPIO40 | Allowed: GPIO0 to GPIO27"),
        (
            {"chips": [{"spi": "/dev/spidev0.1", "cs": "GPIO25"}]},
            "chips: cs is GPIO25, which is drdy already",
        ),
        (
            {"chips": [{"spi": "/dev/spidev0.0"}, {"spi": "/dev/spidev0.0", "cs": "GPIO5"}]},
            "chips: chip 1 has the select of /dev/spidev0.0, which moves while chip 2 is selected by GPIO5 as well",
        ),
    ],
)
def test_a_wire_with_two_purposes_is_refused(refusal, settings, wanted):
    assert refusal("acquire", **{"board": "ads1299", "drdy": "GPIO25", **settings}).startswith(wanted)


def test_selects_of_their_own_share_a_node(describe):
    chips = [{"spi": "/dev/spidev0.0"}, *({"spi": "/dev/spidev0.1", "cs": line} for line in ("GPIO5", "GPIO6"))]
    wires = describe("acquire", board="ads1299", drdy="GPIO25", chips=chips).native["wires"]
    assert wires["cs"] == ["", "GPIO5", "GPIO6"]
    assert describe("acquire", board="ads1299", drdy="GPIO40", gpiochip="mine").native["wires"]["drdy"] == ["GPIO40"]


def test_a_word_in_place_of_a_mapping_is_said_so():
    with pytest.raises(ConfigError, match=r"lead_off: 'dc' is not a mapping\. Allowed: a mapping with mode, hz"):
        Pipeline([{"acquire": {"lead_off": "dc"}}, {"null_sink": {}}])


@pytest.mark.parametrize("board", ["pieeg", "ads1299", "emulator"])
def test_the_merged_configuration_of_a_board_can_be_loaded_again(board):
    wires = {} if board != "ads1299" else {"chips": [{"spi": "/dev/spidev0.0", "drdy": "GPIO25"}]}
    document = [{"acquire": {"board": board, **wires}}, {"to_voltage": {}}, {"null_sink": {}}]
    config, _ = prepare(document)
    merged = config.merged()
    assert ("faults" in merged["stages"]["acquire"]) == (board == "emulator")
    again, _ = prepare(merged)
    assert again.merged() == merged
