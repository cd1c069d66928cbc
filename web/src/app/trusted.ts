/**
 * The page's policy (`require-trusted-types-for 'script'`) has the browser refuse text where markup or code
 * would be made of it. The one text that has to pass is Mantine's own style sheets, which React writes as
 * the content of a `<style>`: text without a tag makes no element, so that is what passes, and nothing else.
 */
interface Rules {
  createHTML: (text: string) => string | null;
}

declare global {
  interface Window {
    /** Only in browsers that have Trusted Types. */
    trustedTypes?: { createPolicy: (name: string, rules: Rules) => unknown };
  }
}

/** Text that cannot become an element; `null` has the browser refuse it. */
export const withoutTags = (text: string): string | null => (text.includes("<") ? null : text);

/** The policy that browsers ask when a text comes where markup is wanted. */
export function distrust(page: Window) {
  page.trustedTypes?.createPolicy("default", { createHTML: withoutTags });
}
