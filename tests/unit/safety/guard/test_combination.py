"""Keys that are down on several devices, and the hotkey among them."""

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.safety.guard.combination import KeyboardState

CTRL, CTRL_R, ALT, SHIFT, ESCAPE, OTHER = 37, 105, 64, 50, 9, 38
GROUPS = (frozenset({CTRL, CTRL_R}), frozenset({ALT}), frozenset({SHIFT}), frozenset({ESCAPE}))
DESK, LAPTOP, XTEST = 7, 8, 5


def _keyboard() -> KeyboardState:
    keyboard = KeyboardState()
    keyboard.watch_for(GROUPS)
    keyboard.set_devices([DESK, LAPTOP], [XTEST])
    return keyboard


def _presses(keyboard: KeyboardState, *keys: tuple[int, int]) -> list[bool]:
    return [keyboard.press(device, code) for device, code in keys]


@given(st.permutations([CTRL, ALT, SHIFT, ESCAPE]), st.lists(st.integers(100, 255)))
def test_any_order_completes_it_with_the_last_key_whatever_else_is_down(order: list[int], others: list[int]) -> None:
    keyboard = _keyboard()
    for code in others:
        keyboard.press(DESK, code if code != CTRL_R else OTHER)
    assert _presses(keyboard, *((DESK, code) for code in order)) == [False, False, False, True]


def test_keyboards_of_the_operator_count_together() -> None:
    assert _presses(_keyboard(), (DESK, CTRL), (DESK, ALT), (LAPTOP, SHIFT), (LAPTOP, ESCAPE))[-1]


def test_what_the_agent_holds_is_not_the_operators() -> None:
    assert not any(_presses(_keyboard(), (XTEST, CTRL), (XTEST, ALT), (DESK, SHIFT), (DESK, ESCAPE)))


def test_a_synthetic_device_alone_completes_it_too() -> None:
    assert _presses(_keyboard(), *((XTEST, code) for code in (CTRL_R, ALT, SHIFT, ESCAPE)))[-1]


def test_holding_it_repeats_nothing_and_pressing_again_does() -> None:
    keyboard = _keyboard()
    _presses(keyboard, *((DESK, code) for code in (CTRL, ALT, SHIFT, ESCAPE)))
    assert not keyboard.press(DESK, ESCAPE)
    assert not keyboard.press(DESK, OTHER)
    keyboard.release(DESK, ESCAPE)
    assert keyboard.press(DESK, ESCAPE)


def test_a_device_that_is_gone_holds_nothing() -> None:
    keyboard = _keyboard()
    _presses(keyboard, (LAPTOP, CTRL), (LAPTOP, ALT))
    keyboard.set_devices([DESK], [XTEST])
    assert not any(_presses(keyboard, (DESK, SHIFT), (DESK, ESCAPE)))


def test_what_was_down_before_it_looked_counts() -> None:
    keyboard = _keyboard()
    keyboard.set_down(DESK, [CTRL, ALT, SHIFT])
    assert keyboard.press(DESK, ESCAPE)


def test_without_keys_to_watch_for_nothing_is_complete() -> None:
    keyboard = KeyboardState()
    keyboard.set_devices([DESK], [])
    assert not keyboard.press(DESK, ESCAPE)
    keyboard.watch_for((frozenset({CTRL}), frozenset()))
    assert not keyboard.press(DESK, CTRL)
