"""People, assets, credentials, places and zones, and what was true of them at any moment.

entities     what there is: plain frozen records with a stable opaque id
fact         what was true of an entity, over an interval, as known since when
"""
