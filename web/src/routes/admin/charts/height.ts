/** Of every chart and of what stands in its place, so that nothing jumps. */
export const CHART_HEIGHT = 220;
/** Of it, what the legend takes. */
export const LEGEND_HEIGHT = 34;
