"""A plain FastAPI app that takes a PNG file in a form, as many people write it."""

import io
import os
import sys
from typing import Annotated

import joblib
import numpy as np
import uvicorn
from fastapi import FastAPI, File, UploadFile
from PIL import Image

app = FastAPI()
model = joblib.load(os.environ["MODEL"])


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/classify")
def classify(file: Annotated[UploadFile, File()]) -> dict[str, list[dict[str, object]]]:
    pixels = np.asarray(Image.open(io.BytesIO(file.file.read()))).reshape(1, -1) / 255
    scores = model.predict_proba(pixels)[0]
    return {"classes": [{"label": str(k), "score": float(scores[k])} for k in np.argsort(-scores)]}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
