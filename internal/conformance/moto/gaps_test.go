package moto

// gaps are the behaviours that moto does not have, with the reasons. Each is tried all
// the same, and fails the suite when moto has it.
func gaps() map[string]string {
	return map[string]string{
		"App Mesh refuses weights above a hundred":               "moto takes any weights",
		"App Mesh keeps a node that a route names":               "moto deletes what is in use",
		"App Mesh refuses a client token for another change":     "moto reads no client tokens",
		"a mesh without a router has no services":                "moto has no virtual services, and cannot list them either",
		"services are found by their routers":                    "moto has no virtual services",
		"parameters that do not fit the template are problems":   "moto validates, and describes nothing",
		"the same token is the same stack":                       "moto reads no client tokens, and puts none into events",
		"a stack takes what is in it along":                      "moto leaves the parameters of a deleted stack",
		"a stack that fails says why":                            "moto creates while it is asked: a resource's error is the answer, and there is no failed stack",
		"a stack makes a mesh":                                   "moto has no App Mesh in CloudFormation, and refuses the template because App Mesh has ended",
		"a template tells its parameters":                        "moto validates, and describes nothing",
		"responses of another namespace are not counted":         "moto looks at the dimensions and not at the namespace",
		"a service comes to have its tasks, running and healthy": "moto starts no tasks for a service",
		"a task that cannot start is told":                       "moto starts no tasks for a service",
		"a task counts when it is registered":                    "moto starts no tasks for a service",
	}
}
