#!/bin/sh
echo apiVersion: haagent.io/v1
