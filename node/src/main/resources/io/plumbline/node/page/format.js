import { h } from './dom.js';

/** The server's clock less this one's, in ms. */
let offsetMs = 0;

export function setServerTime(nowMs) {
  offsetMs = nowMs - Date.now();
}

export function serverNow() {
  return Date.now() + offsetMs;
}

/** A number with its thousands apart. */
export function number(value) {
  const exact = typeof value === 'bigint' ? value : Number(value);
  return exact.toLocaleString('en', { maximumFractionDigits: 1 });
}

/** The beginning of a hash or a key, all of it in the title. */
export function short(hash, digits = 8) {
  return h('code', { title: hash }, hash.length > digits ? `${hash.slice(0, digits)}…` : hash);
}

export function milliseconds(ms) {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;
}

export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) {
    return `${seconds} s`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min`;
  }
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

function aged(ms) {
  const age = serverNow() - ms;
  return age < 1000 ? 'now' : `${duration(age)} ago`;
}

/** An age that goes on growing. */
export function ago(ms) {
  return h('time', { class: 'age', 'data-ms': ms, datetime: new Date(ms).toISOString(), title: clock(ms) }, aged(ms));
}

/** A time of day. */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString('en-GB');
}

export function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = Number(count);
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** An integer given as text, with its decimals. */
export function decimal(text, decimals) {
  const isNegative = text.startsWith('-');
  const digits = text.replace('-', '').padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  return (isNegative ? '−' : '') + whole + (decimals > 0 ? `.${digits.slice(-decimals)}` : '');
}

setInterval(() => {
  for (const time of document.querySelectorAll('time.age')) {
    time.textContent = aged(Number(time.dataset.ms));
  }
}, 1000);
