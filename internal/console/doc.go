// Package console is what the console is attached to: it observes the services of an
// environment, follows the rollouts of a journal, drives those that this process started,
// and makes scenes of all of it (scene.Host).
//
// It reads the world by the engine's ports, which it is given, and never knows whose they
// are. A new scene is made only when something has changed; nothing here waits for whoever
// shows it.
//
// It imports the standard library, the engine, serin/internal/ui/scene and the specfiles.
package console
