'use strict';
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
  main.append(el('section', {}, el('h2', {}, title), ...children));
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

// ---- the page ----

// Numbers with their names; bad ones, where `isBad` says so, stand out.
function figureList(figures) {
  return el('dl', { class: 'figures' }, ...figures.map(([name, path, how, isBad]) => {
    const found = path.split('.').reduce((at, key) => at?.[key], data.summary);
    return el('div', { class: isBad && isBad(found) ? 'figure bad' : 'figure' }, el('dt', {}, name), el('dd', {}, value(path, how)));
  }));
}

// What one file took and lost; `at` is the path of its summary in the data's.
function fileFigures(at) {
  return [
    ['Read', `${at}read_bytes`, 'bytes'],
    ['Read amplification', `${at}read_amplification`, 'times'],
    ['Written', `${at}written_bytes`, 'bytes'],
    ['Clamped values', `${at}clamped`, 'count', (n) => n > 0],
    ['Damaged subblocks', `${at}damaged.length`, 'count', (n) => n > 0],
    ['Masked pixels', `${at}masked`, 'count'],
    ['Undefined values', `${at}not_finite`, 'count', (n) => n > 0],
  ];
}

// A run of one file that is finished has its summary; any other a list of files.
const batch = data.summary.files;

function head() {
  const summary = data.summary;
  main.append(el('h1', {}, data.title));
  if (data.subtitle) main.append(el('p', { class: 'soft' }, data.subtitle));
  if (data.ending) main.append(el('p', { class: 'ending', id: 'ending' }, data.ending));
  if (data.verdict) main.append(el('p', { class: 'verdict', id: 'verdict' }, data.verdict.sentence), el('p', { class: 'soft' }, data.verdict.derivation));
  const figures = [
    ['Wall time', 'metrics.wall_secs', 'secs'],
    ['Overlap efficiency, at most', 'metrics.overlap_efficiency_at_most', 'percent'],
    [`Hidden behind ${summary.metrics.bound_by ?? 'the busiest stage'}`, 'metrics.hidden_fraction', 'percent'],
    ['Filling', 'metrics.fill_secs', 'secs'],
    ['Draining', 'metrics.drain_secs', 'secs'],
    ['Processor time', 'cpu_secs', 'secs'],
    ['Peak memory', 'peak_memory_bytes', 'bytes'],
  ];
  main.append(figureList(batch ? figures : [...figures, ...fileFigures('')]));
}

function files() {
  if (!batch) return;
  const rows = batch.map((file, i) => {
    const of = (name, how) => el('td', {}, value(`files.${i}.summary.${name}`, how));
    const isBad = file.state !== 'finished' && file.state !== 'was there';
    return el('tr', {}, el('td', { class: 'name' }, file.input), el('td', { class: isBad ? 'warn' : '' }, file.state), el('td', {}, value(`files.${i}.secs`, 'secs')),
      of('read_bytes', 'bytes'), of('written_bytes', 'bytes'), of('clamped', 'count'), of('damaged.length', 'count'), el('td', { class: 'name' }, file.note));
  });
  const head = ['file', 'state', 'time', 'read', 'written', 'clamped', 'damaged', 'note'];
  section('Files', el('div', { class: 'panel scroll' }, el('table', { id: 'files' }, el('thead', {}, el('tr', {}, ...head.map((name) => el('th', { class: name === 'note' ? 'name' : '' }, name)))), el('tbody', {}, ...rows))),
    el('p', { class: 'soft' }, 'Files follow each other through the same stages, so that the time of one has a part of its neighbours in it, and what limits the run is said of all together.'));
}

function timeline() {
  const rows = data.rows;
  const all = { from: Math.min(0, ...rows.flatMap((row) => row.spans.slice(0, 1).map((span) => span[0]))), to: data.summary.metrics.wall_secs };
  const view = { ...all };
  const ROW = 22;
  const left = () => (window.innerWidth < 600 ? 66 : 96);
  const label = `Timeline of ${rows.length} threads over ${secs(data.summary.metrics.wall_secs)}; the table of stages has its sums`;
  const { canvas, redraw } = plot(rows.length * ROW + 24, label, (context, width, height, ink) => {
    const bottom = rows.length * ROW;
    const x = timeAxis(context, view, left(), width, bottom, ink);
    context.textAlign = 'left';
    rows.forEach((row, i) => {
      const y = i * ROW;
      context.fillStyle = ink('soft');
      context.fillText(row.name, 0, y + ROW / 2, left() - 6);
      context.save();
      context.beginPath();
      context.rect(left(), y, width - left(), ROW);
      context.clip();
      context.fillStyle = ink('track');
      context.fillRect(left(), y + 3, width - left(), ROW - 6);
      for (const [start, end, busy, name] of row.spans) {
        if (end < view.from || start > view.to) continue;
        const from = x(start);
        const across = Math.max(0.4, x(end) - from);
        // Of merged intervals, as much of the height as of the time was busy.
        const share = end > start ? Math.max(0.1, busy / (end - start)) : 1;
        const tall = (ROW - 6) * share;
        context.fillStyle = colorOf(row.stage);
        context.fillRect(from, y + ROW - 3 - tall, across > 3 ? across - 0.6 : across, tall);
        if (across > 44 && share > 0.8) {
          context.fillStyle = '#fff';
          context.save();
          context.beginPath();
          context.rect(from, y, across - 4, ROW);
          context.clip();
          context.shadowColor = '#000';
          context.shadowBlur = 2;
          context.fillText(name, Math.max(from, left()) + 4, y + ROW / 2 + 0.5);
          context.restore();
        }
      }
      context.restore();
    });
  });
  canvas.addEventListener('pointermove', (event) => {
    if (event.buttons) return;
    const row = rows[Math.floor(event.offsetY / ROW)];
    const time = view.from + ((event.offsetX - left()) / (canvas.clientWidth - left())) * (view.to - view.from);
    const near = ((view.to - view.from) / canvas.clientWidth) * 3;
    const span = row && event.offsetX >= left() && row.spans.find(([start, end]) => time >= start - near && time <= end + near);
    const group = span && data.groups.length > 1 ? `\n${data.groups[span[4]] ?? ''}` : '';
    const merged = span && span[5] > 1 ? `\n${count(span[5])} intervals, busy ${secs(span[2])}` : '';
    say(event, span ? `${row.name}: ${span[3]}\n${secs(span[1] - span[0])} from ${span[0].toFixed(4)} s${merged}${group}` : '');
  });
  canvas.addEventListener('pointerleave', (event) => say(event, ''));
  const stages = [...new Set(rows.map((row) => row.stage))];
  const legend = el('div', { class: 'legend' }, ...stages.map((stage) => el('span', {}, el('span', { class: 'swatch', style: `background:${colorOf(stage)}` }), stage)));
  const buttons = zoomable(canvas, view, all, left, redraw);
  section('Timeline', el('div', { class: 'panel' }, el('div', { class: 'tools' }, legend, el('div', { class: 'buttons' }, ...buttons)), canvas),
    el('p', { class: 'soft' }, 'Each row is a thread, coloured while it works; waiting for a neighbour is not work. Drag to move, pinch or Ctrl and the wheel to zoom; click it first and the wheel alone, +, −, 0 and the arrows do too.'));
}

function stages() {
  const head = ['stage', 'threads', 'items', 'load', 'busy', 'work', 'alone', 'first', 'last'];
  const titles = { load: 'work over threads × wall time', busy: 'any of its threads works', work: 'added up over its threads', alone: 'no other stage was busy', first: 'begins to work', last: 'ends' };
  const metrics = data.summary.metrics;
  const rows = metrics.stages.map((stage, i) => {
    const of = (name, how) => el('td', {}, value(`metrics.stages.${i}.${name}`, how));
    const bar = el('span', { class: 'bar', 'aria-hidden': 'true' }, el('i', { style: `width:${Math.min(100, stage.load * 100)}%;background:${colorOf(stage.name)}` }));
    const load = of('load', 'percent');
    load.append(bar);
    return el('tr', {}, el('td', { class: stage.name === metrics.bound_by ? 'bound' : '' }, el('span', { class: 'swatch', style: `background:${colorOf(stage.name)}` }), stage.name),
      of('threads', 'count'), of('items', 'count'), load, of('busy_secs', 'secs'), of('work_secs', 'secs'), of('alone_secs', 'secs'), of('first_secs', 'secs'), of('last_secs', 'secs'));
  });
  const devices = metrics.devices.map((device, i) => el('tr', {}, el('td', {}, device.name), el('td', {}), el('td', {}), el('td', {}, percent(device.busy_secs / metrics.wall_secs)), el('td', {}, value(`metrics.devices.${i}.busy_secs`, 'secs')), el('td', {}), el('td', {}), el('td', {}), el('td', {})));
  const table = el('table', {}, el('thead', {}, el('tr', {}, ...head.map((name) => el('th', { title: titles[name] }, name)))), el('tbody', {}, ...rows, ...devices));
  const queues = metrics.queues.map((queue, i) => {
    const of = (name, how) => el('td', {}, value(`metrics.queues.${i}.${name}`, how));
    return el('tr', {}, el('td', {}, `after ${queue.after}`), of('capacity', 'count'), of('mean_items', 'number'), of('empty_share', 'percent'), of('full_share', 'percent'));
  });
  const queueTable = el('table', {}, el('thead', {}, el('tr', {}, ...['queue', 'holds', 'held', 'empty', 'full'].map((name) => el('th', {}, name)))), el('tbody', {}, ...queues));
  section('Stages', el('div', { class: 'panel scroll' }, table),
    el('p', { class: 'soft' }, 'Load: work over threads × wall time. Busy: any of the threads works; work: added up over them. Alone: no other stage was busy. No stage was busy for ', value('metrics.idle_secs', 'secs'), '.'),
    el('details', {}, el('summary', {}, 'Queues between the stages'), el('div', { class: 'panel scroll' }, queueTable),
      el('p', { class: 'soft' }, 'A queue that is always full waits for the stage behind it, one that is always empty for the stage before it.')));
}

function reading() {
  const { list, every, files } = data.requests;
  const wall = data.summary.metrics.wall_secs;
  const from = Math.min(0, ...list.map((request) => request[3]));
  const last = Math.max(1, ...list.map((request) => request[1] + request[2]));
  const unit = last >= 2 ** 30 ? [2 ** 30, 'GiB'] : last >= 2 ** 20 ? [2 ** 20, 'MiB'] : [1024, 'KiB'];
  const { canvas } = plot(240, `${list.length} requests: place in the file over time`, (context, width, height, ink) => {
    const [left, bottom] = [62, height - 22];
    const x = timeAxis(context, { from, to: wall }, left, width, bottom, ink);
    const y = (offset) => 6 + (offset / last) * (bottom - 12);
    const every = step(last / unit[0], 5);
    context.textAlign = 'right';
    for (let i = 0; i * every * unit[0] <= last; i++) {
      const at = y(i * every * unit[0]);
      context.strokeStyle = ink('grid');
      context.beginPath();
      context.moveTo(left, at);
      context.lineTo(width, at);
      context.stroke();
      context.fillStyle = ink('soft');
      context.fillText(`${+(i * every).toPrecision(6)} ${unit[1]}`, left - 6, Math.max(8, at));
    }
    for (const [file, offset, length, start, end, failed] of list) {
      context.fillStyle = failed ? ink('warn') : COLORS[file % COLORS.length];
      const tall = Math.max(2, y(offset + length) - y(offset));
      context.fillRect(x(start), y(offset), Math.max(2, x(end) - x(start)), tall);
    }
  });
  const metrics = [
    ['Requests', 'requests', 'count'], ['Failed, asked again', 'failed', 'count'], ['Over the whole run', 'bytes_per_sec', 'rate'],
    ['While any was under way', 'bytes_per_busy_sec', 'rate'], ['Under way at once', 'mean_in_flight', 'number'],
    ['Half answered within', 'p50_secs', 'secs'], ['90 % within', 'p90_secs', 'secs'], ['99 % within', 'p99_secs', 'secs'], ['Longest', 'most_secs', 'secs'],
  ];
  const figures = el('dl', { class: 'figures' }, ...metrics.map(([name, key, how]) => el('div', { class: 'figure' }, el('dt', {}, name), el('dd', {}, value(`metrics.requests.${key}`, how)))));
  const shown = every > 1 ? ` Of ${every} requests one is drawn.` : '';
  const several = files.length > 1 ? ` Files: ${files.join(', ')}.` : '';
  section('Reading', figures, el('div', { class: 'panel' }, canvas), el('p', { class: 'soft' }, `Each request by its place in the file, from when it was asked to when it was answered; a straight line is one pass. Before 0 s the file was opened.${shown}${several}`));
}

function memory() {
  if (data.memory.length === 0) return;
  const wall = data.summary.metrics.wall_secs;
  const from = Math.min(0, data.memory[0][0]);
  const most = Math.max(...data.memory.map((sample) => sample[1]), data.memory_planned ?? 0) * 1.08;
  const { canvas } = plot(200, 'Memory over time', (context, width, height, ink) => {
    const [left, bottom] = [62, height - 22];
    const x = timeAxis(context, { from, to: wall }, left, width, bottom, ink);
    const y = (mib) => bottom - (mib / most) * (bottom - 6);
    const every = step(most, 4);
    context.textAlign = 'right';
    for (let i = 0; i * every <= most; i++) {
      context.strokeStyle = ink('grid');
      context.beginPath();
      context.moveTo(left, y(i * every));
      context.lineTo(width, y(i * every));
      context.stroke();
      context.fillStyle = ink('soft');
      context.fillText(`${+(i * every).toPrecision(6)} MiB`, left - 6, Math.max(8, y(i * every)));
    }
    context.beginPath();
    data.memory.forEach(([time, mib], i) => (i ? context.lineTo(x(time), y(mib)) : context.moveTo(x(time), y(mib))));
    context.strokeStyle = COLORS[0];
    context.lineWidth = 2;
    context.stroke();
    context.lineTo(x(data.memory[data.memory.length - 1][0]), bottom);
    context.lineTo(x(data.memory[0][0]), bottom);
    context.globalAlpha = 0.15;
    context.fillStyle = COLORS[0];
    context.fill();
    context.globalAlpha = 1;
    if (data.memory_planned) {
      context.setLineDash([6, 4]);
      context.strokeStyle = ink('warn');
      context.beginPath();
      context.moveTo(left, y(data.memory_planned));
      context.lineTo(width, y(data.memory_planned));
      context.stroke();
      context.setLineDash([]);
      context.textAlign = 'right';
      context.fillStyle = ink('warn');
      context.fillText(`the plan: ${digits(data.memory_planned, 3)} MiB`, width - 4, y(data.memory_planned) - 9);
    }
  });
  section('Memory', el('div', { class: 'panel' }, canvas), el('p', { class: 'soft' }, 'Resident memory of the whole process. The plan counts what the stages hold; the program itself, its threads and its libraries come on top.'));
}

function pictures(file) {
  const pairs = file.pairs.map((pair, i) => {
    const box = el('div', { class: i ? 'compare one' : 'compare' },
      el('img', { src: pair.before, width: pair.width, height: pair.height, alt: `Stitched. ${pair.caption}` }),
      el('img', { src: pair.after, width: pair.width, height: pair.height, alt: `${file.after}. ${pair.caption}` }),
      el('b', { class: 'l' }, 'stitched'), el('b', { class: 'r' }, file.after));
    const slider = el('input', { type: 'range', min: '0', max: '100', value: '50', step: '0.5', 'aria-label': 'How much of the stitched image is shown' });
    slider.addEventListener('input', () => box.style.setProperty('--at', `${slider.value}%`));
    box.append(slider);
    return el('figure', {}, box, el('figcaption', {}, pair.caption));
  });
  const psfs = file.psfs.map((psf) => {
    const zoom = Math.max(1, Math.floor(160 / Math.max(...psf.shape_xyz)));
    const [x, y, z] = psf.shape_xyz.map((n) => n * zoom);
    const planes = [el('img', { src: psf.xy, width: x, height: y, alt: `PSF in focus. ${psf.caption}` })];
    if (psf.xz) planes.push(el('img', { src: psf.xz, width: x, height: z, alt: `PSF along the axis. ${psf.caption}` }));
    return el('figure', { class: 'psf' }, el('div', {}, ...planes), el('figcaption', {}, psf.caption));
  });
  const about = 'Drag the line. Both sides have one scale of brightness; gray values are shown by their square root, colour images as they are.';
  const one = batch?.[file.number]?.summary;
  const own = one ? [el('p', { class: 'soft' }, file.subtitle), figureList(fileFigures(`files.${file.number}.summary.`))] : [];
  section(batch ? file.name : 'Before and after', ...own, el('div', { class: 'two' }, ...pairs), el('p', { class: 'soft' }, about),
    ...(psfs.length ? [el('div', { class: 'psfs' }, ...psfs), el('p', { class: 'soft' }, 'Point spread functions, by the fourth root of their light: in focus, and along the axis where there are several planes.')] : []));
}

function rest() {
  const damaged = (batch ?? [{ summary: data.summary }]).flatMap((file) => (file.summary?.damaged ?? []).map((one) => [batch ? `${file.input}, ` : '', one]));
  if (damaged.length) {
    const line = ([name, one]) => `${name}byte ${one.offset}, scene ${one.scene}, t ${one.plane.t}, c ${one.plane.c}, z ${one.plane.z}${one.m === null ? '' : `, m ${one.m}`}: ${one.reason}`;
    section('Damaged subblocks, left out', el('ul', {}, ...damaged.slice(0, 200).map((one) => el('li', {}, line(one)))),
      damaged.length > 200 ? el('p', {}, `and ${count(damaged.length - 200)} more`) : null);
  }
  const notes = data.files.flatMap((file) => file.notes.map((note) => (data.files.length > 1 ? `${file.name}: ${note}` : note)));
  if (notes.length) section('Notes', el('ul', {}, ...notes.map((note) => el('li', {}, note))));
  section('How it was made', el('p', {}, `decon-gpu ${data.summary.version}${data.summary.backend ? `, ${data.summary.backend}` : ''}.`),
    ...data.files.map((file) => el('details', {}, el('summary', {}, data.files.length > 1 ? `Options of ${file.name}` : 'Options'), el('pre', {}, JSON.stringify(file.provenance, null, 2)))),
    el('details', {}, el('summary', {}, 'Summary, as --summary writes it'), el('pre', { id: 'summary' }, JSON.stringify(data.summary, null, 2))));
}

head();
files();
timeline();
stages();
data.files.forEach(pictures);
reading();
memory();
rest();
document.documentElement.dataset.ready = 'yes';
