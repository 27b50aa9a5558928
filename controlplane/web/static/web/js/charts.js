// Charts: <div class="chart" data-chart="line|area|bar" data-source="/x.json" data-unit="records/s" data-title="…">.
// All charts of a page share hover and zoom. Below each chart is a table of the same data.
(() => {
  // A series has the same colour on every page; a series that is not listed takes the next of the others.
  const COLOURS = {
    generated: "azure",
    acknowledged: "azure",
    generator: "azure",
    target: "secondary",
    kafka: "teal",
    produced: "teal",
    bronze: "orange",
    ingest: "orange",
    lag: "pink",
    silver: "cyan",
    gold: "yellow",
    quarantine: "red",
    quarantined: "red",
    duplicates: "purple",
    failed: "red",
    succeeded: "green",
  };
  const OTHERS = ["blue", "purple", "lime", "orange", "pink", "indigo", "green"];
  // Only the browser can resolve the design system's colours (oklch, light-dark): paint a pixel and read it.
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const css = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(--tblr-${name})`;
    document.body.append(probe);
    pixel.canvas.width = pixel.canvas.height = 1;
    pixel.fillStyle = getComputedStyle(probe).color;
    probe.remove();
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
  };
  const colour = (name, index) => {
    const key = Object.keys(COLOURS).find((word) => name.toLowerCase().includes(word));
    return css(key ? COLOURS[key] : OTHERS[index % OTHERS.length]);
  };
  const GROUP = "page";
  // Times are in the user's time zone, as everywhere on the page, not in the browser's.
  const inZone = (timeZone) =>
    new Intl.DateTimeFormat("en-GB", {
      timeZone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
  let zone = document.documentElement.dataset.zone || "UTC";
  let format;
  try {
    format = inZone(zone);
  } catch {
    zone = "UTC";
    format = inZone(zone);
  } // the browser does not know the zone
  const parts = (ms) => Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  const clock = ({ hour, minute, second }) => `${hour}:${minute}:${second}`;
  const full = (ms) => {
    const at = parts(ms);
    return `${at.year}-${at.month}-${at.day} ${clock(at)}`;
  };
  // The library places ticks at round times in UTC. Shifted by the zone's current offset, they are round in the zone.
  // Tick labels always show the zone's own time, also across a change of daylight saving time.
  const shift = (() => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const at = parts(now);
    return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second) - now;
  })();
  const tick = (shifted) => {
    const at = parts(shifted - shift);
    if (clock(at) === "00:00:00") return `${at.month}-${at.day}`;
    return at.second === "00" ? `${at.hour}:${at.minute}` : clock(at);
  };
  const grouped = (value) =>
    value === null || value === undefined ? "–" : Number(value).toLocaleString("en", { maximumFractionDigits: 2 });
  const short = (value) => {
    const size = Math.abs(value);
    for (const [limit, letter] of [
      [1e12, "T"],
      [1e9, "G"],
      [1e6, "M"],
      [1e4, "k"],
    ]) {
      if (size >= limit) return `${Number((value / (letter === "k" ? 1e3 : limit)).toPrecision(3))}${letter}`;
    }
    return grouped(value);
  };

  class Chart {
    constructor(element) {
      this.element = element;
      this.kind = element.dataset.chart;
      this.unit = element.dataset.unit || "";
      this.data = null;
      this.canvas = document.createElement("div");
      this.canvas.className = "h-100";
      element.append(this.canvas);
      this.chart = echarts.init(this.canvas, null, { renderer: "canvas" });
      this.chart.group = GROUP;
      this.table = this.makeTable();
      new ResizeObserver(() => this.chart.resize()).observe(element);
      document.addEventListener("theme", () => this.draw());
      this.load();
      const every = Number(element.dataset.refresh || 0);
      if (every)
        setInterval(() => {
          if (!document.hidden) this.load();
        }, every * 1000);
    }

    makeTable() {
      const details = document.createElement("details");
      details.className = "chart-table";
      details.innerHTML =
        "<summary></summary><div class='table-responsive'><table class='table table-sm'><thead></thead><tbody></tbody></table></div>";
      details.querySelector("summary").textContent = `View as table${this.unit ? ` (${this.unit})` : ""}`;
      details.addEventListener("toggle", () => this.fillTable());
      this.element.after(details);
      return details;
    }

    async load() {
      const source = this.element.dataset.source;
      try {
        if (source) {
          const answer = await fetch(source, { headers: { Accept: "application/json" } });
          if (!answer.ok) throw new Error(`${answer.status}`);
          this.data = await answer.json();
        } else {
          this.data = JSON.parse(document.getElementById(this.element.dataset.json).textContent);
        }
        this.say(
          this.data.series.some((one) => one.points.length)
            ? ""
            : this.element.dataset.empty || "No data in this time range.",
        );
      } catch {
        if (!this.data) this.say("Chart data is unavailable. It will be requested again.");
      }
      if (this.data) this.draw();
    }

    say(text) {
      let note = this.element.querySelector(".chart-empty");
      if (!text) {
        note?.remove();
        return;
      }
      if (!note) {
        note = document.createElement("p");
        note.className = "chart-empty";
        this.element.append(note);
      }
      note.textContent = text;
    }

    draw() {
      if (!this.data) return;
      const { series } = this.data;
      const byTime = this.data.x !== "category";
      const text = css("secondary");
      const line = css("border-color");
      const many = series.length > 1;
      this.chart.setOption(
        {
          animation: false,
          useUTC: true,
          textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: text },
          aria: { enabled: false },
          grid: { left: 8, right: 12, top: 28, bottom: many ? 28 : 4, containLabel: true },
          legend: many
            ? { bottom: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: { color: text } }
            : { show: false },
          // Rich text is drawn on the canvas; an html tooltip would need style attributes, which the content policy forbids.
          tooltip: {
            trigger: "axis",
            renderMode: "richText",
            confine: true,
            transitionDuration: 0,
            backgroundColor: css("bg-surface"),
            borderColor: line,
            textStyle: { color: css("body-color"), fontSize: 12 },
            formatter: (points) =>
              [
                byTime ? full(points[0].axisValue - shift) : points[0].axisValueLabel,
                ...points.map(
                  (point) =>
                    `${point.seriesName}  ${grouped(Array.isArray(point.value) ? point.value[1] : point.value)} ${this.unit}`,
                ),
              ].join("\n"),
          },
          axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: text } },
          xAxis: byTime
            ? {
                type: "time",
                axisLine: { lineStyle: { color: line } },
                axisTick: { show: false },
                splitLine: { show: false },
                axisLabel: { color: text, hideOverlap: true, formatter: tick },
              }
            : {
                type: "category",
                data: series[0]?.points.map(([x]) => x) || [],
                axisLine: { lineStyle: { color: line } },
                axisTick: { show: false },
                axisLabel: { color: text, hideOverlap: true },
              },
          yAxis: {
            type: "value",
            min: this.element.dataset.min ? Number(this.element.dataset.min) : undefined,
            name: this.unit,
            nameLocation: "end",
            nameTextStyle: { color: text, align: "left", padding: [0, 0, 0, -4] },
            splitNumber: 4,
            splitLine: { lineStyle: { color: line, opacity: 0.6 } },
            axisLabel: { color: text, formatter: short },
          },
          dataZoom: [
            {
              type: "inside",
              zoomOnMouseWheel: "ctrl",
              moveOnMouseMove: false,
              moveOnMouseWheel: false,
              filterMode: "none",
            },
          ],
          // Only for the brush: dragging over the chart zooms without pressing a button first.
          toolbox: {
            show: true,
            itemSize: 0,
            feature: {
              dataZoom: {
                yAxisIndex: "none",
                title: { zoom: "", back: "" },
                brushStyle: { color: css("primary"), opacity: 0.15 },
              },
            },
          },
          series: series.map((one, index) => ({
            name: one.name,
            type: this.kind === "bar" ? "bar" : "line",
            stack: this.kind === "area" || "stacked" in this.element.dataset ? "all" : undefined,
            data: byTime
              ? one.points.map(([at, value]) => [Date.parse(at) + shift, value])
              : one.points.map(([, value]) => value),
            showSymbol: false,
            symbolSize: 5,
            connectNulls: false,
            barMaxWidth: 28,
            lineStyle: { width: 2 },
            itemStyle: { color: colour(one.name, index) },
            areaStyle: this.kind === "area" ? { opacity: 0.35 } : undefined,
            emphasis: { disabled: true },
          })),
        },
        { notMerge: false, replaceMerge: ["series"] },
      );
      if (byTime)
        this.chart.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
      if (!this.zoomable) {
        this.zoomable = true;
        this.chart.getZr().on("dblclick", () => this.chart.dispatchAction({ type: "dataZoom", start: 0, end: 100 }));
      }
      this.fillTable();
    }

    fillTable() {
      if (!this.table.open || !this.data) return;
      const { series } = this.data;
      const byTime = this.data.x !== "category";
      const rows = new Map();
      for (const [index, one] of series.entries()) {
        for (const [x, value] of one.points) {
          if (!rows.has(x)) rows.set(x, Array(series.length).fill(null));
          rows.get(x)[index] = value;
        }
      }
      const cell = (tag, value, end) => {
        const made = document.createElement(tag);
        made.textContent = value;
        if (end) made.className = "text-end number";
        return made;
      };
      const head = document.createElement("tr");
      head.append(
        cell("th", byTime ? `Time (${zone})` : this.data.label || ""),
        ...series.map((one) => cell("th", one.name, true)),
      );
      this.table.querySelector("thead").replaceChildren(head);
      const keys = byTime ? [...rows.keys()].sort().reverse().slice(0, 500) : [...rows.keys()];
      this.table.querySelector("tbody").replaceChildren(
        ...keys.map((x) => {
          const row = document.createElement("tr");
          row.append(
            cell("td", byTime ? full(Date.parse(x)) : x),
            ...rows.get(x).map((value) => cell("td", grouped(value), true)),
          );
          return row;
        }),
      );
    }
  }

  const made = new WeakSet();
  const start = () => {
    document.querySelectorAll("[data-chart]").forEach((element) => {
      if (made.has(element)) return;
      made.add(element);
      new Chart(element);
    });
    echarts.connect(GROUP);
  };
  start();
  document.addEventListener("htmx:afterSwap", start);
})();
