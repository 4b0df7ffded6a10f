'use strict';
// The page of a run: its data, text and canvases. What it shows is in report.js.
const data = JSON.parse(document.getElementById('data').textContent);
const main = document.getElementById('main');
const tip = document.getElementById('tip');

// Okabe and Ito's colours, which colour-blind people tell apart; by the order of the stages.
const COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#b8a800', '#8a8f98'];
const colorOf = (stage) => COLORS[Math.max(0, data.stages.indexOf(stage)) % COLORS.length];

// ---- text ----

function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'style') element.style.cssText = value;
    else if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function digits(value, count) {
  if (value === 0) return '0';
  const before = Math.floor(Math.log10(Math.abs(value))) + 1;
  return value.toFixed(Math.max(0, Math.min(6, count - before)));
}

const secs = (s) => s >= 1 || s === 0 ? `${digits(s, 3)} s` : s >= 1e-3 ? `${digits(s * 1e3, 3)} ms` : `${digits(s * 1e6, 3)} µs`;
const percent = (share) => `${(share * 100).toFixed(1)} %`;
const bytes = (n) => n >= 2 ** 30 ? `${digits(n / 2 ** 30, 3)} GiB` : n >= 2 ** 20 ? `${digits(n / 2 ** 20, 3)} MiB` : n >= 1024 ? `${digits(n / 1024, 3)} KiB` : `${n} B`;
const count = (n) => n.toLocaleString('en').replaceAll(',', '\u202f');
const SHOW = { secs, percent, bytes, count, times: (n) => `${n.toFixed(2)} ×`, rate: (n) => `${bytes(n)}/s`, number: (n) => digits(n, 3) };

// A number of the data, by its path; the same number is in the file of --summary.
function value(path, how) {
  const found = path.split('.').reduce((at, key) => (at === null || at === undefined ? at : at[key]), data.summary);
  const known = typeof found === 'number';
  return el('span', { 'data-path': path, 'data-how': how }, known ? SHOW[how](found) : '–');
}

function section(title, ...children) {
  main.append(el('section', {}, el('h2', {}, title), ...children.filter((child) => child !== null)));
}

// ---- canvas ----

// A canvas that is drawn again when its width or the colours change. `draw(context, width, height, ink)`.
function plot(height, label, draw) {
  const canvas = el('canvas', { role: 'img', 'aria-label': label, tabindex: '0' });
  canvas.style.height = `${height}px`;
  const redraw = () => {
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    if (width === 0) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext('2d');
    context.scale(ratio, ratio);
    context.font = '12px system-ui, sans-serif';
    context.textBaseline = 'middle';
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(`--${name}`).trim();
    draw(context, width, height, ink);
  };
  new ResizeObserver(redraw).observe(canvas);
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  return { canvas, redraw };
}

function step(range, most) {
  const raw = range / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw);
}

function say(event, text) {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const box = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, window.innerWidth - box.width - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, event.clientY - box.height - 12)}px`;
}

// Time axis below; returns the places of times.
function timeAxis(context, view, left, right, bottom, ink) {
  const x = (time) => left + ((time - view.from) / (view.to - view.from)) * (right - left);
  const every = step(view.to - view.from, (right - left) / 90);
  context.fillStyle = ink('soft');
  context.strokeStyle = ink('grid');
  context.textAlign = 'center';
  for (let i = Math.ceil(view.from / every); i * every <= view.to; i++) {
    const at = x(i * every);
    context.beginPath();
    context.moveTo(at, 0);
    context.lineTo(at, bottom);
    context.stroke();
    const decimals = Math.max(0, -Math.floor(Math.log10(every) + 1e-9));
    const text = `${(i * every).toFixed(decimals)} s`;
    const half = context.measureText(text).width / 2;
    if (at - half >= 0 && at + half <= right + 8) context.fillText(text, at, bottom + 10);
  }
  return x;
}

// Wheel, pinch, drag, keys and buttons change which times are seen.
function zoomable(canvas, view, all, left, redraw) {
  const set = (from, to) => {
    const span = Math.min(Math.max(to - from, (all.to - all.from) * 1e-5), all.to - all.from);
    const start = Math.min(Math.max(from, all.from), all.to - span);
    Object.assign(view, { from: start, to: start + span });
    redraw();
  };
  const width = () => Math.max(1, canvas.clientWidth - left());
  const timeAt = (px) => view.from + ((px - left()) / width()) * (view.to - view.from);
  const zoom = (factor, at = (view.from + view.to) / 2) => set(at - (at - view.from) / factor, at + (view.to - at) / factor);
  const shift = (share) => { const by = share * (view.to - view.from); set(view.from + by, view.to + by); };
  canvas.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) < Math.abs(event.deltaY) && !canvas.matches(':focus')) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) shift(event.deltaX / 600);
    else zoom(Math.exp(-event.deltaY / 300), timeAt(event.offsetX));
  }, { passive: false });
  const touches = new Map();
  const place = (event) => event.clientX - canvas.getBoundingClientRect().left;
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, place(event));
    say(event, '');
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!touches.has(event.pointerId)) return;
    const before = [...touches.values()];
    touches.set(event.pointerId, place(event));
    const after = [...touches.values()];
    if (before.length === 1) {
      const by = ((before[0] - after[0]) / width()) * (view.to - view.from);
      set(view.from + by, view.to + by);
    } else {
      const spread = (places) => Math.max(20, Math.abs(places[0] - places[1]));
      const middle = (places) => (places[0] + places[1]) / 2;
      const fixed = timeAt(middle(before));
      const span = (view.to - view.from) * (spread(before) / spread(after));
      const from = fixed - ((middle(after) - left()) / width()) * span;
      set(from, from + span);
    }
  });
  const release = (event) => touches.delete(event.pointerId);
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
  canvas.addEventListener('dblclick', () => set(all.from, all.to));
  canvas.addEventListener('keydown', (event) => {
    const act = { '+': () => zoom(2), '=': () => zoom(2), '-': () => zoom(0.5), '0': () => set(all.from, all.to), ArrowLeft: () => shift(-0.2), ArrowRight: () => shift(0.2) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  const button = (text, label, act) => {
    const made = el('button', { type: 'button', 'aria-label': label }, text);
    made.addEventListener('click', act);
    return made;
  };
  return [button('−', 'Show more time', () => zoom(0.5)), button('+', 'Show less time', () => zoom(2)), button('All', 'Show the whole run', () => set(all.from, all.to))];
}
