"""How single events reach the display, and what is seen of it: XTEST on X11, pyautogui elsewhere.

Used by the input worker alone. A backend sends what it is told, one primitive event per call, and returns once the
display has taken it; whether it may, the worker asks the permit. It knows neither actions nor outcomes.
"""
