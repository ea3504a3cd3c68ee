"""Frames of the training are known again, whatever part of whatever manifest they stand in now."""

from trus.evaluation.run import run_evaluation


def test_training_frames_that_became_test_frames_are_told(evaluation, cv_folder, edit_cell, summary):
    for name in ("p4_0", "p4_1"):
        edit_cell(name, "split", "test")
    run_evaluation(evaluation(f"cv_run={cv_folder.path}", "split.part=test"))
    assert summary()["includes_training_frames"]
    assert "trained on (2 of 6)" in summary()["warnings"][0]


def test_a_model_file_alone_cannot_tell_and_says_so(evaluation, tiny_model, dataset, summary):
    run_evaluation(evaluation(f"model_file={tiny_model.onnx}", f"data.manifest={dataset}/manifest.csv"))
    assert "not known whether it was trained on these" in summary()["warnings"][0]
    assert not summary()["includes_training_frames"]
