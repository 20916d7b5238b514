const pad = (value: number) => String(value).padStart(2, '0')

/** `14:03:22` where that was on the day of `now`, else `2026-03-14 14:03:22`. The time zone here. */
export function clock(time: Date, now: Date): string {
  const hours = [time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(':')
  const day = (each: Date) =>
    [each.getFullYear(), pad(each.getMonth() + 1), pad(each.getDate())].join('-')
  return day(time) === day(now) ? hours : `${day(time)} ${hours}`
}
