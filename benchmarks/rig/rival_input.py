"""Clicks or types by another library: `rival_input.py LIBRARY PAUSE_S COUNT click|type`. Nothing of Aurora is in it."""

import sys

library, pause_s, count, what = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
text = "".join(chr(ord("a") + n * 7 % 26) for n in range(count * 10))

if library == "pyautogui":
    sys.modules["mouseinfo"] = None  # type: ignore[assignment]  # it would want tkinter
    import pyautogui

    pyautogui.PAUSE = pause_s
    if what == "click":
        pyautogui.moveTo(500, 300)
        for _ in range(count):
            pyautogui.click()
    else:
        for character in text:
            pyautogui.write(character)
else:
    from pynput import keyboard, mouse

    if what == "click":
        pointer = mouse.Controller()
        pointer.position = (500, 300)
        for _ in range(count):
            pointer.click(mouse.Button.left)
    else:
        keyboard.Controller().type(text)
