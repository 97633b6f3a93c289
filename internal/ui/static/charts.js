// Draws the figures of a job. What is drawn comes from the server; here it gets its place and its colour.
"use strict";
(() => {
	const drawn = new Map(); // id → {plot, chart}
	const height = 200, wholes = Array.from({ length: 10 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();
	const probe = document.createElement("span");
	probe.hidden = true;
	document.body.append(probe);
	// colour resolves a colour of page.css as it is now, light or dark.
	window.colour = (name) => {
		probe.className = "";
		probe.style.color = `var(--${name})`;
		return getComputedStyle(probe).color;
	};
	const pale = (c, part) => c.replace(/^rgba?\(([^)]*)\)$/, (_, v) => `rgba(${v.split(",").slice(0, 3).join(",")},${part})`);

	const two = (n) => String(n).padStart(2, "0");
	window.clock = (s) => {
		const n = Math.round(Math.abs(s)), h = Math.floor(n / 3600), m = Math.floor(n / 60) % 60;
		return (s < 0 ? "−" : "") + (h ? `${h}:${two(m)}:${two(n % 60)}` : `${m}:${two(n % 60)}`);
	};
	const short = (v) => v >= 1e6 ? +(v / 1e6).toPrecision(3) + " M" : v >= 1e4 ? +(v / 1e3).toPrecision(3) + " k" : String(+v.toPrecision(3));
	const write = (unit) => (v) => v == null ? "–" : unit === "usd" ? "$" + short(v) : short(v);
	window.timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

	// heights are the values as they are drawn: stacked ones stand on those before.
	function heights(chart) {
		if (!chart.stacked) return chart.series.map((s) => s.values);
		const sum = new Array(chart.x.length).fill(0);
		return chart.series.map((s) => s.values.map((v, i) => (sum[i] += v)));
	}

	function backdrop(u, chart) {
		const { ctx } = u, { left, top, width, height } = u.bbox, end = left + width;
		const x = (v) => Math.min(Math.max(u.valToPos(v, "x", true), left), end), y = (v) => u.valToPos(v, "y", true);
		ctx.save();
		ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
		for (const b of chart.bands || []) {
			ctx.fillStyle = colour("wave");
			ctx.fillRect(x(b.from), top, Math.max(devicePixelRatio, x(b.to) - x(b.from)), height);
		}
		if (chart.range) {
			ctx.fillStyle = colour("estimate");
			ctx.fillRect(left, y(chart.range.high), width, Math.max(1, y(chart.range.low) - y(chart.range.high)));
			rule(ctx, colour("likely"), left, y(chart.range.likely), end, y(chart.range.likely));
			ctx.fillStyle = colour("likely");
			ctx.textAlign = "right";
			ctx.fillText(chart.range.text, end - 4, y(chart.range.high) - 5 * devicePixelRatio);
		}
		ctx.restore();
	}

	function front(u, chart) {
		const { ctx } = u, { left, top, width, height } = u.bbox;
		ctx.save();
		ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
		for (const l of chart.levels || []) {
			const at = u.valToPos(l.at, "y", true);
			rule(ctx, colour(l.class), left, at, left + width, at);
			ctx.fillStyle = colour(l.class);
			ctx.fillText(l.text, left + 4, at - 4);
		}
		(chart.marks || []).forEach((m, i) => {
			const at = u.valToPos(m.at, "x", true);
			rule(ctx, colour("likely"), at, top, at, top + height);
			ctx.fillStyle = colour("ink");
			const right = at < left + width / 2;
			ctx.textAlign = right ? "left" : "right";
			ctx.fillText(m.text, at + (right ? 4 : -4), top + (12 + 14 * i) * devicePixelRatio);
		});
		ctx.restore();
	}

	function rule(ctx, stroke, x0, y0, x1, y1) {
		ctx.strokeStyle = stroke;
		ctx.lineWidth = devicePixelRatio;
		ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
		ctx.beginPath();
		ctx.moveTo(x0, y0);
		ctx.lineTo(x1, y1);
		ctx.stroke();
		ctx.setLineDash([]);
	}

	function options(chart, width) {
		const text = write(chart.unit), soft = colour("soft"), edge = colour("edge");
		const axis = { stroke: soft, grid: { stroke: edge, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
		const paths = chart.bars ? uPlot.paths.bars({ size: [0.9, 100], align: 0 }) : chart.steps ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear();
		const most = Math.max(chart.range?.high || 0, ...(chart.levels || []).map((l) => l.at));
		const x = chart.labels
			? { ...axis, grid: { show: false }, space: 60, incrs: [1, 2, 4, 8, 16, 32, 64], values: (_, at) => at.map((v) => chart.labels[v] ?? "") }
			: { ...axis, grid: { show: false }, space: 60, incrs: timeSteps, values: (_, at) => at.map(clock) };
		const series = chart.series.map((s, i) => {
			const c = colour(s.class);
			return {
				label: s.label, stroke: c, width: chart.bars || chart.stacked ? 0 : 1.6, paths, points: { show: false },
				fill: !s.fill ? undefined : chart.stacked || chart.bars ? c : pale(c, 0.35), dash: !s.fill && i === 2 ? [6, 3] : undefined,
			};
		});
		if (chart.stacked) series.reverse(); // the highest is drawn first
		const whole = chart.unit === "messages" || chart.unit === "workers" || chart.unit === "tasks";
		return {
			width, height, padding: [8, 18, 0, 0], legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
			scales: { x: { time: false, range: chart.labels ? [-0.5, Math.max(chart.x.length - 0.5, 0.5)] : [0, chart.length] }, y: { range: (_, low, high) => [0, Math.max(high, most) * 1.08 || 1] } },
			axes: [{ ...x, size: 28 }, { ...axis, size: 52, space: 36, incrs: whole ? wholes : undefined, values: (_, at) => at.map(text) }],
			series: [{}, ...series],
			hooks: { drawClear: [(u) => backdrop(u, chart)], draw: [(u) => front(u, chart)], setCursor: [(u) => point(u, chart)] },
		};
	}

	// legend is the list of the colours, which also tells the values where the pointer is.
	function legend(chart, figure) {
		const list = document.createElement("ul");
		list.className = "keys";
		const entry = (name, text) => {
			const li = document.createElement("li"), i = document.createElement("i");
			i.className = name;
			li.append(i, text + " ", document.createElement("b"));
			list.append(li);
		};
		for (const s of chart.series) entry(s.class + (s.fill ? "" : " stroke"), s.label);
		if (chart.bands?.length) entry("wave", "wave");
		if (chart.range) entry("estimate", "estimate");
		if (chart.levels?.length) entry(chart.levels[0].class + " stroke", "cap");
		list.append(Object.assign(document.createElement("li"), { className: "at" }));
		figure.querySelector(".keys")?.remove();
		figure.querySelector(".plot").before(list);
	}

	function point(u, chart) {
		const at = u.cursor.idx, list = u.root.closest("figure").querySelector(".keys"), text = write(chart.unit);
		if (!list) return;
		chart.series.forEach((s, i) => { list.children[i].querySelector("b").textContent = at == null ? "" : text(s.values[at]); });
		list.lastChild.textContent = at == null ? "" : chart.labels ? "up to " + chart.labels[at] : "at " + clock(chart.x[at]);
	}

	function draw(chart) {
		const figure = document.querySelector(`[data-chart="${chart.id}"]`);
		if (!figure) return;
		const nothing = !chart.series?.length;
		figure.classList.toggle("nothing", nothing);
		figure.querySelector("figcaption").textContent = chart.caption;
		const place = figure.querySelector(".plot"), before = drawn.get(chart.id);
		before?.plot.destroy();
		drawn.delete(chart.id);
		if (nothing) return;
		place.setAttribute("role", "img");
		place.setAttribute("aria-label", figure.querySelector("h2").textContent + ". " + chart.caption);
		const values = heights(chart);
		if (chart.stacked) values.reverse();
		legend(chart, figure);
		const plot = new uPlot(options(chart, place.clientWidth), [chart.x, ...values], place);
		drawn.set(chart.id, { plot, chart });
	}

	document.addEventListener("charts", (e) => {
		for (const chart of e.detail.charts || []) draw(chart);
		document.body.dataset.drawn = drawn.size;
	});
	const again = () => { for (const { chart } of [...drawn.values()]) draw(chart); };
	document.addEventListener("theme", again);
	let pending = 0;
	new ResizeObserver(() => {
		clearTimeout(pending);
		pending = setTimeout(() => { for (const { plot } of drawn.values()) plot.setSize({ width: plot.root.parentNode.clientWidth, height }); }, 100);
	}).observe(document.getElementById("content"));
})();
