"""The loop: batches, a schedule by steps or by time, checkpoints, and an exact resume."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import ModelError
from qa.pretrained import load_model, load_tokenizer
from qa.training.examples import Questions
from qa.training.features import Batch
from qa.training.losses import answer_loss, teacher_loss
from qa.training.passes import Passes
from qa.training.rounding import round_layers
from qa.training.settings import Settings, factor
from qa.training.smoothing import smoothing
from qa.training.teacher import Teacher

if TYPE_CHECKING:
    import torch

    from qa.training.losses import Logits

_CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"


@dataclass
class Progress:
    """How far a run has come: optimiser steps, seconds of training, `share` of the whole (0 to 1), what it read."""

    step: int = 0
    seconds: float = 0.0
    share: float = 0.0
    evaluated: int = 0
    windows: int = 0
    tokens: int = 0
    passes: float = 0.0


class Trainer:
    """One run in one folder; made again with the same settings it goes on from the last checkpoint."""

    def __init__(self, settings: Settings, sources: Sequence[Questions], folder: Path) -> None:
        """Load the model, or the checkpoint of `folder`. Raises `ModelError` for a checkpoint of another run."""
        import torch

        self.settings, self.sources, self.folder = settings, sources, folder
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = load_tokenizer(settings.init)
        self.model = load_model(
            settings.init,
            dtype=torch.float32,
            hidden_dropout_prob=settings.dropout,
            attention_probs_dropout_prob=0.0,  # with it a CPU falls back on plain attention, 1.6 times as slow
        ).to(self.device)
        # cuDNN's attention makes a plan for every new shape, which takes seconds
        torch.backends.cuda.enable_cudnn_sdp(enabled=False)
        torch.manual_seed(settings.seed)
        self._freeze()
        self._exit = self._exit_head()
        self._teacher = (
            Teacher(settings.teacher, self.tokenizer, self.device, settings.precision) if settings.teacher else None
        )
        self._smoothing: dict[str, torch.Tensor] | None = None
        self._optimizer = torch.optim.AdamW(self._groups(), lr=settings.learning_rate, fused=True)
        self.progress = Progress()
        folder.mkdir(parents=True, exist_ok=True)
        self.passes = Passes(settings, sources, self.tokenizer, folder)
        self._resume()

    def run(self, evaluate: Callable[[Trainer], dict[str, float]], say: Callable[[str], None]) -> None:
        """Train to the end of the schedule, checkpointing on the way and evaluating `settings.evaluations` times."""
        import torch

        batches = islice(self.passes.batches(), self.progress.step, None)
        while self.progress.share < 1.0 and (found := next(batches, None)) is not None:
            batch, passes = found
            begun = time.perf_counter()
            loss = self._step(batch)
            if self.device == "cuda":
                torch.cuda.synchronize()
            self._advance(batch, passes, time.perf_counter() - begun)
            done = self.progress
            self._log({"step": done.step, "share": done.share, "loss": loss, "seconds": done.seconds})
            if done.step % 20 == 0:
                rate = done.tokens / done.seconds
                say(f"step {done.step}, {done.share:.1%}: loss {loss:.3f}, {rate:.0f} tokens/s")
            due = int(done.share * self.settings.evaluations)
            if due > done.evaluated:
                done.evaluated = due
                self.model.eval()
                self._log({"step": done.step, "share": done.share, **evaluate(self)})
            if done.step % self.settings.checkpoint_steps == 0 or done.share >= 1.0:
                self._save()

    def save_model(self, folder: Path) -> None:
        """Write weights, configuration and tokenizer as transformers reads them."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def _step(self, batch: Batch) -> float:
        import torch

        torch.manual_seed(self.settings.seed * 1_000_003 + self.progress.step)
        rate = self.settings.learning_rate * factor(self.progress.share, self.settings.warm_up)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        feed = {name: torch.from_numpy(value).to(self.device) for name, value in _feed(batch).items()}
        if not self._takes_types:
            del feed["token_type_ids"]
        if self._smoothing is None and self.progress.share > 1.0 - self.settings.rounded_share:
            self._round(smoothing(self.model, lambda: self.model(**feed)))
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.settings.precision == "bf16"):
            output = self.model(**feed, output_hidden_states=self._exit is not None)
            exits = self._exit(output.hidden_states[self.settings.exit_layer]) if self._exit else None
        taught = self._teacher.logits(batch) if self._teacher else None
        loss = self._loss((output.start_logits, output.end_logits), taught, batch)
        if exits is not None:
            loss = loss + self.settings.exit_weight * self._loss((exits[..., 0], exits[..., 1]), taught, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(chain(*(group["params"] for group in self._optimizer.param_groups)), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def _loss(self, logits: Logits, taught: Logits | None, batch: Batch) -> torch.Tensor:
        loss = answer_loss(logits, batch)
        if taught is None:
            return loss
        weight = self.settings.teacher_weight
        return (1.0 - weight) * loss + weight * teacher_loss(logits, taught, batch, self.settings.temperature)

    def _round(self, smoothing: dict[str, torch.Tensor]) -> None:
        self._smoothing = smoothing
        round_layers(self.model, smoothing)

    def _advance(self, batch: Batch, passes: float, seconds: float) -> None:
        done = self.progress
        done.step += 1
        done.seconds += seconds
        done.windows += len(batch.ids)
        done.tokens += int(batch.mask.sum())
        done.passes = passes
        minutes = self.settings.minutes
        done.share = min(1.0, passes / self.settings.passes if minutes is None else done.seconds / 60 / minutes)

    def _freeze(self) -> None:
        base = self.model.base_model
        if not self.settings.frozen_layers:
            return
        for part in (base.embeddings, *base.encoder.layer[: self.settings.frozen_layers]):
            part.requires_grad_(requires_grad=False)

    def _exit_head(self) -> torch.nn.Linear | None:
        """From the states of the exit layer to start and end logits; thrown away after training."""
        import torch

        config, layer = self.model.config, self.settings.exit_layer
        if not layer:
            return None
        if not 0 < layer < config.num_hidden_layers:
            raise ModelError(
                f"{self.settings.init}: has no layer to exit after at {layer}; it has {config.num_hidden_layers}"
            )
        return torch.nn.Linear(config.hidden_size, 2).to(self.device)

    @property
    def _takes_types(self) -> bool:
        return "token_type_ids" in self.tokenizer.model_input_names

    def _groups(self) -> list[dict[str, Any]]:
        """No weight decay on biases and layer norms."""
        decayed: list[torch.nn.Parameter] = []
        plain: list[torch.nn.Parameter] = []
        for weight in chain(self.model.parameters(), self._exit.parameters() if self._exit else ()):
            if weight.requires_grad:
                (decayed if weight.ndim > 1 else plain).append(weight)
        return [
            {"params": decayed, "weight_decay": self.settings.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]

    def _log(self, row: dict[str, float]) -> None:
        with (self.folder / LOG).open("a") as file:
            file.write(json.dumps(row) + "\n")

    def _save(self) -> None:
        import torch

        state = {
            "settings": asdict(self.settings),
            "progress": asdict(self.progress),
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "exit": self._exit.state_dict() if self._exit else None,
            "smoothing": self._smoothing,
        }
        scratch = self.folder / f"{_CHECKPOINT}.new"
        with scratch.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.folder / _CHECKPOINT)

    def _resume(self) -> None:
        import torch

        path, log = self.folder / _CHECKPOINT, self.folder / LOG
        if not path.exists():
            log.unlink(missing_ok=True)
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["settings"] != asdict(self.settings):
            raise ModelError(f"{path}: a checkpoint of a run with other settings; give the same or another --out")
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._exit:
            self._exit.load_state_dict(state["exit"])
        if state["smoothing"] is not None:
            self._round(state["smoothing"])
        self.progress = Progress(**state["progress"])
        rows = [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        kept = [row for row in rows if json.loads(row)["step"] <= self.progress.step]
        log.write_text("".join(kept))


def _feed(batch: Batch) -> dict[str, Any]:
    return {"input_ids": batch.ids, "attention_mask": batch.mask, "token_type_ids": batch.types}
