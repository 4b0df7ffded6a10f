// The page of a run, part by part, from the top down; after plots.js.

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
  main.append(el('h1', {}, data.title));
  if (data.subtitle) main.append(el('p', { class: 'soft' }, data.subtitle));
  if (data.ending) main.append(el('p', { class: 'ending', id: 'ending' }, data.ending));
}

function limits() {
  const summary = data.summary;
  const verdict = data.verdict ? [el('p', { class: 'verdict', id: 'verdict' }, data.verdict.sentence), el('p', { class: 'soft' }, data.verdict.derivation)] : [];
  const figures = [
    ['Wall time', 'metrics.wall_secs', 'secs'],
    ['Overlap efficiency, at most', 'metrics.overlap_efficiency_at_most', 'percent'],
    [`Hidden behind ${summary.metrics.busiest ?? 'the busiest stage'}`, 'metrics.hidden_fraction', 'percent'],
    ['Filling', 'metrics.fill_secs', 'secs'],
    ['Draining', 'metrics.drain_secs', 'secs'],
    ['CPU time', 'cpu_secs', 'secs'],
    ['Peak memory', 'peak_memory_bytes', 'bytes'],
  ];
  section('What limited the run', ...verdict, figureList(batch ? figures : [...figures, ...fileFigures('')]));
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
    const of = (name, how) => el('td', { 'data-label': name.replace('_secs', '') }, value(`metrics.stages.${i}.${name}`, how));
    const bar = el('span', { class: 'bar', 'aria-hidden': 'true' }, el('i', { style: `width:${Math.min(100, stage.load * 100)}%;background:${colorOf(stage.name)}` }));
    const load = of('load', 'percent');
    load.append(bar);
    return el('tr', {}, el('td', { class: stage.name === metrics.busiest ? 'bound' : '' }, el('span', { class: 'swatch', style: `background:${colorOf(stage.name)}` }), stage.name),
      of('threads', 'count'), of('items', 'count'), load, of('busy_secs', 'secs'), of('work_secs', 'secs'), of('alone_secs', 'secs'), of('first_secs', 'secs'), of('last_secs', 'secs'));
  });
  const devices = metrics.devices.map((device, i) => el('tr', {}, el('td', {}, device.name), el('td', {}), el('td', {}), el('td', { 'data-label': 'load' }, percent(device.busy_secs / metrics.wall_secs)), el('td', { 'data-label': 'busy' }, value(`metrics.devices.${i}.busy_secs`, 'secs')), el('td', {}), el('td', {}), el('td', {}), el('td', {})));
  const table = el('table', { class: 'stacks' }, el('thead', {}, el('tr', {}, ...head.map((name) => el('th', { title: titles[name] }, name)))), el('tbody', {}, ...rows, ...devices));
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
    ['Requests', 'requests', 'count'], ['Failed and repeated', 'failed', 'count'], ['Bandwidth, whole run', 'bytes_per_sec', 'rate'],
    ['While any request ran', 'bytes_per_busy_sec', 'rate'], ['Concurrent requests, mean', 'mean_in_flight', 'number'],
    ['Latency, median', 'p50_secs', 'secs'], ['Latency, 90 %', 'p90_secs', 'secs'], ['Latency, 99 %', 'p99_secs', 'secs'], ['Latency, longest', 'most_secs', 'secs'],
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

// A bar of a round length on a picture of `pair`, as wide as that is there.
function scaleBar(pair) {
  if (!pair.pixel_um) return null;
  const across = pair.pixel_um * pair.width;
  const length = [1, 2, 5].flatMap((n) => Array.from({ length: 12 }, (_, i) => n * 10 ** (i - 4))).filter((um) => um <= across / 3).reduce((a, b) => Math.max(a, b), 0);
  if (!length) return null;
  const name = length >= 1000 ? `${length / 1000} mm` : length >= 1 ? `${length} µm` : `${Math.round(length * 1000)} nm`;
  return el('span', { class: 'scale', style: `width:${(100 * length) / across}%` }, name);
}

// Before and after at one place, with a line to drag between them; one picture where they are the same.
function comparison(pair, after, isPart) {
  const image = (src, name) => el('img', { src, width: pair.width, height: pair.height, alt: `${name}. ${pair.caption}` });
  const images = [image(pair.before, 'Unprocessed'), image(pair.after, after)];
  const box = el('div', { class: isPart ? 'compare one' : 'compare' });
  const caption = el('figcaption', {}, pair.caption);
  if (pair.before === pair.after) {
    box.classList.add('single');
    box.append(images[1]);
  } else {
    const slider = el('input', { type: 'range', min: '0', max: '100', value: '50', step: '0.5', 'aria-label': 'How much of the unprocessed image is shown' });
    slider.addEventListener('input', () => box.style.setProperty('--at', `${slider.value}%`));
    box.append(...images, el('b', { class: 'l' }, 'unprocessed'), el('b', { class: 'r' }, after), slider);
  }
  const bar = scaleBar(pair);
  if (bar) box.append(bar);
  const drawn = el('span');
  caption.append(drawn);
  new ResizeObserver(() => {
    const zoom = box.clientWidth / pair.width;
    drawn.textContent = isPart ? `, drawn ${digits(zoom, 2)} × as large` : '';
  }).observe(box);
  const use = (sources) => images.forEach((img, i) => { img.src = sources[i]; });
  const figure = el('figure', { style: `flex:${pair.width / pair.height} 1 0` }, box, caption);
  return { figure, setOneBrightness: (one) => use(one && pair.with_one_brightness ? pair.with_one_brightness : [pair.before, pair.after]) };
}

function brightnessSwitch(comparisons) {
  const box = el('input', { type: 'checkbox' });
  box.addEventListener('change', () => comparisons.forEach((one) => one.setOneBrightness(box.checked)));
  return el('label', { class: 'switch' }, box, ' the same brightness on both sides');
}

function pictures(file) {
  const comparisons = file.pairs.map((pair, i) => comparison(pair, file.after, i > 0));
  const hasSwitch = file.pairs.some((pair) => pair.with_one_brightness && pair.before !== pair.after);
  const psfs = file.psfs.map((psf) => {
    const zoom = Math.max(1, Math.floor(160 / Math.max(...psf.shape_xyz)));
    const [x, y, z] = psf.shape_xyz.map((n) => n * zoom);
    const planes = [el('img', { src: psf.xy, width: x, height: y, alt: `PSF in focus. ${psf.caption}` })];
    if (psf.xz) planes.push(el('img', { src: psf.xz, width: x, height: z, alt: `PSF along the axis. ${psf.caption}` }));
    return el('figure', { class: 'psf' }, el('div', {}, ...planes), el('figcaption', {}, psf.caption));
  });
  const isCompared = file.pairs.some((pair) => pair.before !== pair.after);
  const about = `${isCompared ? 'Drag the line. ' : ''}${hasSwitch ? 'Each side has a brightness of its own. ' : ''}Gray values are shown by their square root, colour images as they are.`;
  const one = batch?.[file.number]?.summary;
  const own = one ? [el('p', { class: 'soft' }, file.subtitle), figureList(fileFigures(`files.${file.number}.summary.`))] : [];
  section(batch ? file.name : isCompared ? 'Before and after' : 'The image', ...own, el('div', { class: 'two' }, ...comparisons.map((one) => one.figure)), hasSwitch ? brightnessSwitch(comparisons) : null, el('p', { class: 'soft' }, about),
    ...(psfs.length ? [el('div', { class: 'psfs' }, ...psfs), el('p', { class: 'soft' }, 'Point spread functions, by the fourth root of their light: in focus, and along the axis where there are several planes.')] : []));
}

function notes() {
  const lines = data.files.flatMap((file) => file.notes.map((note) => (data.files.length > 1 ? `${file.name}: ${note}` : note)));
  if (lines.length) section('Notes', el('ul', {}, ...lines.map((note) => el('li', {}, note))));
}

function rest() {
  const damaged = (batch ?? [{ summary: data.summary }]).flatMap((file) => (file.summary?.damaged ?? []).map((one) => [batch ? `${file.input}, ` : '', one]));
  if (damaged.length) {
    const line = ([name, one]) => `${name}byte ${one.offset}, scene ${one.scene}, t ${one.plane.t}, c ${one.plane.c}, z ${one.plane.z}${one.m === null ? '' : `, m ${one.m}`}: ${one.reason}`;
    section('Damaged subblocks, left out', el('ul', {}, ...damaged.slice(0, 200).map((one) => el('li', {}, line(one)))),
      damaged.length > 200 ? el('p', {}, `and ${count(damaged.length - 200)} more`) : null);
  }
  section('How it was made', el('p', {}, `decon-gpu ${data.summary.version}${data.summary.backend ? `, ${data.summary.backend}` : ''}.`),
    ...data.files.map((file) => el('details', {}, el('summary', {}, data.files.length > 1 ? `Options of ${file.name}` : 'Options'), el('pre', {}, JSON.stringify(file.provenance, null, 2)))),
    el('details', {}, el('summary', {}, 'Summary, as --summary writes it'), el('pre', { id: 'summary' }, JSON.stringify(data.summary, null, 2))));
}

head();
files();
data.files.forEach(pictures);
notes();
limits();
timeline();
stages();
reading();
memory();
rest();
document.documentElement.dataset.ready = 'yes';
