"""A service of LitServe."""

import os
import sys

import joblib
import litserve
import numpy as np


class Classifier(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    def decode_request(self, request: dict) -> np.ndarray:
        return np.array(request["instances"]).reshape(len(request["instances"]), -1)

    def predict(self, images: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(images)

    def encode_response(self, rows: np.ndarray) -> dict:
        return {"predictions": rows.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Classifier(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, num_api_servers=1)
