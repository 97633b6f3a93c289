// Keys and the two buttons of the head. Single keys can be turned off: whoever speaks to the computer types by accident.
"use strict";
(() => {
	const dialog = document.getElementById("shortcuts"), off = document.getElementById("nokeys");
	const go = (selector) => { const a = document.querySelector(selector); if (a) location.href = a.href; };
	const stored = () => { try { return localStorage.getItem("nokeys") === "1"; } catch { return false; } };
	off.checked = stored();
	off.addEventListener("change", () => { try { localStorage.setItem("nokeys", off.checked ? "1" : "0"); } catch { /* see theme.js */ } });
	document.getElementById("help").addEventListener("click", () => dialog.showModal());
	document.getElementById("theme").addEventListener("click", window.switchTheme);
	dialog.addEventListener("close", () => { if (dialog.contains(document.activeElement)) document.activeElement.blur(); }); // it may keep the focus
	document.addEventListener("keydown", (e) => {
		if (e.ctrlKey || e.altKey || e.metaKey || dialog.open || e.target.closest("input:not([type=checkbox]), textarea, select")) return;
		if (e.key === "?") { dialog.showModal(); return; }
		if (off.checked) return;
		switch (e.key) {
		case "j": go('.bar a[href="/jobs"]'); break;
		case "d": go('.bar a[href="/dead"]'); break;
		case "t": window.switchTheme(); break;
		case "n": go('a[rel="next"]'); break;
		case "p": go('a[rel="prev"]'); break;
		case "1": case "2": case "3": case "4": go(`.tabs a:nth-child(${e.key})`); break;
		}
	});
})();
