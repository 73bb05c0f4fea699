"""The disk format and its only owner: model files and the folders of runs."""

from charlstm.checkpoint.disk import write_atomically
from charlstm.checkpoint.find import find_model, find_models, is_shipped, shipped_pair
from charlstm.checkpoint.model_file import ModelFile, describe_model_file, load_model_file, save_model_file
from charlstm.checkpoint.run import (
    BEST,
    CONFIG,
    LAST,
    METRICS,
    RUNS,
    Metrics,
    check_new,
    hold_run,
    is_run,
    load_last,
    load_previous,
    make_run_folder,
    put_aside,
    read_metrics,
    read_run_config,
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
    "check_new",
    "describe_model_file",
    "find_model",
    "find_models",
    "hold_run",
    "is_run",
    "is_shipped",
    "load_last",
    "load_model_file",
    "load_previous",
    "make_run_folder",
    "put_aside",
    "read_metrics",
    "read_run_config",
    "save_last",
    "save_model_file",
    "shipped_pair",
    "write_atomically",
    "write_run_config",
]
