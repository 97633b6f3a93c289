// Draws each worker's life, a row each, on one canvas: a thousand workers are a few hundred rows, never thousands of elements.
"use strict";
(() => {
	const figure = document.querySelector("[data-gantt]");
	if (!figure) return;
	const canvas = figure.querySelector("canvas"), tip = figure.querySelector(".tip"), left = 8, below = 22;
	let data = null, high = 0;

	function draw() {
		if (!data) return;
		figure.querySelector("figcaption").textContent = data.caption;
		const rows = data.rows, width = canvas.parentNode.clientWidth, scale = devicePixelRatio || 1;
		figure.classList.toggle("nothing", rows.length === 0);
		canvas.hidden = rows.length === 0;
		high = Math.round(Math.min(18, Math.max(3, 600 / Math.max(1, rows.length))));
		const height = high * rows.length + below;
		canvas.width = width * scale;
		canvas.height = height * scale;
		canvas.style.height = height + "px";
		const c = canvas.getContext("2d"), x = (s) => left + Math.min(Math.max(s / data.length, 0), 1) * (width - 2 * left);
		c.scale(scale, scale);
		c.font = "11px system-ui, sans-serif";
		c.textAlign = "center";
		const step = timeSteps.find((s) => s >= data.length / Math.max(2, width / 110)) || data.length;
		for (let t = 0; t <= data.length * 1.0001; t += step) {
			c.fillStyle = colour("edge");
			c.fillRect(x(t), 0, 1, height - below);
			c.fillStyle = colour("soft");
			c.textAlign = t === 0 ? "left" : x(t) > width - 30 ? "right" : "center";
			c.fillText(clock(t), x(t), height - 6);
		}
		const start = colour("start"), idle = colour("idle"), busy = colour("c3"), bad = colour("bad"), h = high - (high > 6 ? 2 : 1);
		rows.forEach((r, i) => {
			const y = i * high, ready = x(r.ready), end = Math.max(ready + 1, x(r.end));
			c.fillStyle = start;
			c.fillRect(x(r.launched), y, ready - x(r.launched), h);
			c.fillStyle = idle;
			c.fillRect(ready, y, end - ready, h);
			c.fillStyle = busy;
			c.globalAlpha = data.shaded ? r.busy : 1;
			const full = data.shaded ? h : h * r.busy;
			c.fillRect(ready, y + h - full, end - ready, full);
			c.globalAlpha = 1;
			if (r.lost) { c.fillStyle = bad; c.fillRect(end - 3, y, 3, h); }
		});
		document.body.dataset.drawn = rows.length;
	}

	canvas.addEventListener("mousemove", (e) => {
		const r = data?.rows[Math.floor(e.offsetY / high)];
		tip.hidden = !r;
		if (!r) return;
		tip.textContent = r.text;
		tip.style.left = Math.min(e.offsetX + 12, canvas.clientWidth - tip.offsetWidth) + "px";
		tip.style.top = e.offsetY + 14 + "px";
	});
	canvas.addEventListener("mouseleave", () => { tip.hidden = true; });
	document.addEventListener("charts", (e) => { if (e.detail.gantt) { data = e.detail.gantt; draw(); } });
	document.addEventListener("theme", draw);
	let width = 0;
	new ResizeObserver(() => { if (figure.clientWidth !== width) { width = figure.clientWidth; requestAnimationFrame(draw); } }).observe(figure);
})();
