from .durable import write_durably as write_durably
from .memo import Remembered as Remembered, recall_seconds as recall_seconds, remember as remember
from .store import Entry as Entry, Store as Store, dump as dump
