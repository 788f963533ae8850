"""What a website loads and asks: the widget, the cookie, the visitor's traits, the settings of SDKs, the demo."""
