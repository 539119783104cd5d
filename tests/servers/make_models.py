"""Train one network on the digits, and write it in the forms in which servers take it. Run where servers run."""

import sys
from pathlib import Path

import joblib
import mlflow.pyfunc
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier


class Scores(mlflow.pyfunc.PythonModel):
    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        self.model = joblib.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        return self.model.predict_proba(np.asarray(model_input))


def main(folder: Path) -> None:
    images, labels = load_digits(return_X_y=True)
    model = MLPClassifier((32,), max_iter=60, random_state=0).fit(images / 16, labels)
    joblib.dump(model, folder / "model.joblib")
    # numbers alone, which no library has to be installed for
    np.savez(folder / "weights.npz", *model.coefs_, *model.intercepts_)
    mlflow.pyfunc.save_model(
        folder / "mlflow", python_model=Scores(), artifacts={"model": str(folder / "model.joblib")}
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
