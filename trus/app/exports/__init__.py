"""What a user takes out: masks, overlays, annotation formats, a table, DICOM SEG, and data to train on."""
