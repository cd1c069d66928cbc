import { useLayoutEffect, useRef, useState } from "react";

/** The widths at which lists were last seen: the first guess, so that scrolling can be restored. */
const lastWidths = new Map<string, number>();

/** The width of a list that scrolls with the page, and how far down the page it begins. */
export function usePlace<T extends HTMLElement>(list: string) {
  const ref = useRef<T>(null);
  const [place, setPlace] = useState({ width: lastWidths.get(list) ?? 0, top: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => {
      const { width, top } = element.getBoundingClientRect();
      lastWidths.set(list, width);
      const next = { width, top: Math.round(top + window.scrollY) };
      setPlace((before) => (before.width === next.width && before.top === next.top ? before : next));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    // Filters that unfold above the list move it without changing it.
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [list]);
  return { ref, ...place };
}
