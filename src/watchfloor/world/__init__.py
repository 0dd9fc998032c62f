"""People, assets, credentials, places and zones, and what was true of them at any moment.

entities     what there is: plain frozen records with a stable opaque id
directory    all of it, from the files of an estate: people, assets, floorplan, zones (rows reads CSV)
alias        which entity a name meant at a moment (naming: how names are written; timeline: the search)
resolve      events get the uids of who, what and where they name
fact         what was true of an entity, over an interval, as known since when
history      facts in, and out as of any moment
sighting     X was at P at time T: from events
presence     in, out or unknown: from sightings
"""
