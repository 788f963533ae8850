"""Somebody who has no mouse: every step is a key, and where the keys go is to be seen all the time."""

from playwright.sync_api import Locator, Page, expect

MOST_STEPS = 90  # of Tab, until something is reached on any page


class Keyboard:
    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Over what stands there."""
        self.press("Control+a")
        self._page.keyboard.type(text)

    def reach(self, target: Locator) -> None:
        """By Tab alone."""
        expect(target).to_be_visible()
        for _ in range(MOST_STEPS):
            if target.evaluate("(one) => one === document.activeElement"):
                assert target.evaluate(IS_SHOWN), "the focus is not to be seen"
                return
            self.press("Tab")
        raise AssertionError(f"Tab does not come to {target}")

    def activate(self, target: Locator, key: str = "Enter") -> None:
        self.reach(target)
        self.press(key)


IS_SHOWN = """(one) => one.matches(':focus-visible') && getComputedStyle(one).outlineStyle !== 'none'"""
