/** Numbers as people read them; no locale. */

/** With a comma every three digits. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(?:[0-9]{3})+$)/g, ',');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes in the largest unit that leaves at most one decimal. */
export function bytes(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 1024 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${Number.isInteger(rest) ? rest : rest.toFixed(1)} ${UNITS[unit]}`;
}

/** A rate of accesses in thousands or millions. */
export function perSecond(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} M accesses/s` : `${(value / 1e3).toFixed(0)} k accesses/s`;
}
