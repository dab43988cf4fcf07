module haagent.io/tests/kubernetes/clients

go 1.26

tool haagent.io/tests/kubernetes/clients
