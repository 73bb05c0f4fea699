"""The disk format and its only owner: model files and the folders of runs."""

from charlstm.checkpoint.find import find_model, find_models, is_shipped
from charlstm.checkpoint.model_file import ModelFile, describe_model_file, load_model_file, save_model_file
from charlstm.checkpoint.run import (
    BEST,
    CONFIG,
    LAST,
    METRICS,
    RUNS,
    Metrics,
    hold_run,
    load_last,
    load_previous,
    put_aside,
    read_metrics,
    read_run_config,
    run_folder_for,
    save_last,
    write_run_config,
)

__all__ = [
    "BEST",
    "CONFIG",
    "LAST",
    "METRICS",
    "RUNS",
    "Metrics",
    "ModelFile",
    "describe_model_file",
    "find_model",
    "find_models",
    "hold_run",
    "is_shipped",
    "load_last",
    "load_model_file",
    "load_previous",
    "put_aside",
    "read_metrics",
    "read_run_config",
    "run_folder_for",
    "save_last",
    "save_model_file",
    "write_run_config",
]
