#!/bin/bash
# Stand-in: the old one generated .fw files from the JSON rules; the lab's pve-firewall reads the JSON itself.
pve-firewall restart
