"""What is drawn: tables, graphs, heatmaps and live backfills, from the catalog's queries."""
