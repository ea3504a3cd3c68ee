"""What a segmentation is answered as: a JSON document, a PNG mask, a DICOM SEG."""
