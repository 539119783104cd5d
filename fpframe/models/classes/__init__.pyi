from .classlist import AUTO as AUTO, NONE as NONE, Classes as Classes, ClassList as ClassList, listed as listed
from .classmap import ClassMap as ClassMap, map_classes as map_classes
from .listfile import read_class_list as read_class_list
from .mappedquery import MappedQuery as MappedQuery
from .matching import FEWEST as FEWEST, enough_images as enough_images, matched_order as matched_order
from .shared import SharedClasses as SharedClasses, shared_classes as shared_classes
from .spelling import find_names as find_names, plain_spelling as plain_spelling
