"""People, assets, credentials, places and zones, and what was true of them at any moment.

world        all of it as one thing that the path asks, batch by batch: read it first
entities     what there is: plain frozen records with a stable opaque id
directory    all of it, from the files of an estate: people, assets, floorplan, zones (rows reads CSV)
alias        which entity a name meant at a moment (naming: how names are written; timeline: the search)
resolve      events get the uids of who, what and where they name
fact         what was true of an entity, over an interval, as known since when
history      facts in, and out as of any moment
learning     what events state about entities; learned: what they name (leases)
sighting     X was at P at time T: from events
presence     in, out or unknown: from sightings
occupancy    how many people are in a place: surely, and possibly
antipassback who goes in that is in already
traversal    how fast one can get from place to place at most
links        what was decided about who is who; matching suggests it; orphans: what nobody holds
vault        names of people, and nowhere else
privacy      takes them out of events
asof         all of that onto the events
sources      what each source could see
pulse        how much came from it when, and whether it was well
coverage     could what happened at a place have been seen
"""
