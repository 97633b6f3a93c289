// Package ecs is the container service of the local endpoint: the part of the
// Amazon ECS API that Starburst and a person looking around with an SDK need,
// with operating system processes in the place of containers.
//
// A service is sized through the API, as on AWS: UpdateService sets the desired
// count, and the tasks that are missing are started as processes of the task
// definition's command. There is no image; a definition without a command is
// refused. A process gets what a container on Fargate gets from its platform:
// a region, credentials (dummies), ECS_CONTAINER_METADATA_URI_V4 and
// ECS_AGENT_URI, and SIGTERM followed by SIGKILL after stopTimeout at its end.
//
// # Parts
//
//   - state and the operations on it (clusters, definitions, services, tasks,
//     protection) are memory only, without a clock or I/O: each operation is a
//     method that takes a request and returns a response.
//   - plan decides what has to be started and stopped; it is a method of the
//     state too, so its cases are a table.
//   - Service is the shell: HTTP, the database, processes, and one loop that
//     plans and acts when something happened or a moment has come. Nothing is
//     polled while the endpoint is idle.
//
// # Surviving kill -9
//
// The memory is written behind to SQLite: an operation is answered after its
// changes are committed. A task is committed as PENDING before its process is
// started, and counts as RUNNING only after the process id is committed. The
// processes write to files, not to pipes, and have a session of their own, so
// they outlive the endpoint. The next one finds them by process id and start
// time (a process id alone may have been reused, and nothing but our own
// processes is ever signalled) and adopts them; what is gone is marked STOPPED
// and replaced. Adopted workers know the address of the endpoint that started
// them: one that comes back on another port keeps them only until they give up.
//
// Between fork and commit there is a window in which a killed endpoint leaves a
// process without a record. On Linux the next endpoint looks for it by the task
// id in its environment. Elsewhere it stays an orphan for as long as it likes:
// Starburst's workers exit by themselves when their endpoint has been gone for
// 60 s.
//
// # Not like AWS
//
// cpu and memory are checked and reported, not enforced. Tasks that die within
// [DefaultQuickDeath] are restarted with a growing delay, though on AWS this
// back-off is for tasks that never reach RUNNING: there the start-up time bounds
// a crash loop, here nothing else would. One container a task; no EC2, load
// balancers, volumes or secrets: those are refused by name.
package ecs
