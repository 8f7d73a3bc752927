// The partition heatmap.

import { decodeView, reduceView } from './heatmap/state.js';
import { HeatmapView } from './heatmap/view.js';
import { defineWidget } from './shared/widget.js';

export default defineWidget({
  decode: decodeView,
  reduce: reduceView,
  draw: (link, root) => {
    const view = new HeatmapView(link, root);
    return () => view.close();
  },
});
