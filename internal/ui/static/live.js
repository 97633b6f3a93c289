// Keeps the page up to date: the server sends the parts that have changed, and the data of the drawings.
"use strict";
(() => {
	const address = document.body.dataset.live, status = document.getElementById("live");
	let source = null, wait = 1000;
	const say = (text, state) => {
		if (status.textContent !== text) status.textContent = text;
		status.className = "live " + state;
	};

	// replace puts a part's new content in place of the old one; what is open stays open, and the focus where it was.
	function replace(name, part) {
		const slot = document.querySelector(`[data-part="${name}"]`);
		if (!slot || slot.dataset.hash === part.hash) return;
		if (slot.contains(document.activeElement) && document.activeElement.matches("input")) return; // somebody types: next time
		const open = new Set([...slot.querySelectorAll("details[open]")].map((d) => d.dataset.key));
		const scrolled = [...slot.querySelectorAll(".scroll")].map((s) => s.scrollLeft);
		const can = "a, button, summary, [tabindex]";
		const focus = slot.contains(document.activeElement) ? [...slot.querySelectorAll(can)].indexOf(document.activeElement) : -1;
		slot.innerHTML = part.html; // made by html/template
		slot.dataset.hash = part.hash;
		for (const d of slot.querySelectorAll("details")) if (open.has(d.dataset.key)) d.open = true;
		slot.querySelectorAll(".scroll").forEach((s, i) => { s.scrollLeft = scrolled[i] || 0; });
		if (focus >= 0) slot.querySelectorAll(can)[focus]?.focus({ preventScroll: true });
	}

	function changes(event) {
		const c = JSON.parse(event.data);
		wait = 1000;
		if (c.error) { say("no answer", "off"); return; }
		say(c.over ? "over" : "live", "on");
		if (c.title) document.title = c.title + " · Starburst";
		for (const [name, part] of Object.entries(c.parts || {})) replace(name, part);
		if (c.charts) document.dispatchEvent(new CustomEvent("charts", { detail: c.charts }));
		document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
	}

	function connect() {
		if (source) return;
		source = new EventSource(address);
		source.addEventListener("changes", changes);
		source.onerror = () => {
			say("not live", "off");
			source.close();
			source = null;
			setTimeout(() => { if (!document.hidden) connect(); }, wait);
			wait = Math.min(2 * wait, 30000);
		};
	}
	// A browser opens six connections to a server: pages that nobody sees give theirs back.
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden) { connect(); return; }
		source?.close();
		source = null;
		say("paused", "");
	});
	window.addEventListener("pagehide", () => { source?.close(); source = null; });
	if (address) connect();
})();
