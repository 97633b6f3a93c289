// Light or dark: the system's setting until somebody chooses. In the head of the page, so that nothing flashes.
"use strict";
(() => {
	const root = document.documentElement;
	const chosen = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
	if (chosen()) root.dataset.theme = chosen();
	window.switchTheme = () => {
		const dark = getComputedStyle(root).colorScheme === "dark" ||
			getComputedStyle(root).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches;
		root.dataset.theme = dark ? "light" : "dark";
		try { localStorage.setItem("theme", root.dataset.theme); } catch { /* private windows may refuse */ }
		document.dispatchEvent(new Event("theme"));
	};
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("theme")));
})();
