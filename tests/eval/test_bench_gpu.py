import pytest

from eval.bench import gpu
from eval.bench.__main__ import main
from placer.engines.gpu_search import gpu_available


@pytest.mark.skipif(gpu_available(), reason="a device is here")
def test_without_a_device_the_sheet_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("eval.bench.__main__.warm_up", lambda: None)
    assert main(["--only", "gpu", "--output", str(tmp_path)]) == 0
    assert "skipped: no device" in capsys.readouterr().out
    assert "no device" in (tmp_path / "gpu.md").read_text()


def test_the_sheet_has_a_column_for_everything_measured():
    from eval.bench.designs import Settings

    columns = gpu.run(Settings(only=("none",))).columns
    assert {"threads", "chains", "proposals", "cost", "difference"} <= set(columns)
