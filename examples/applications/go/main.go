// Writes orders through the write Service and reads through the read Service, until it is told to end (SIGTERM, Ctrl-C).
//
// PGHOST, PGPORT, PGDATABASE, PGUSER, and PGPASSWORD or PGPASSFILE lead to the write Service: pgx reads them itself.
// READ_HOST is the read Service. What it has done is its last line, as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/uuid"
	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const (
	writers = 2
	// A server that vanished with its node says nothing: so long one attempt may take, and so long a statement.
	attemptTimeout = 15 * time.Second
)

// So long a write or a read is tried before whoever asked for it gets the error.
var giveUp = seconds("GIVE_UP_SECONDS", 60)

func openPool(name, settings string) (*pgxpool.Pool, error) {
	// What is not in the settings is in the PG... variables. A host that is set in the parsed configuration instead would
	// be asked for TLS only: the second attempt, without TLS, is among its Fallbacks, which keep the host of before.
	config, err := pgxpool.ParseConfig(settings)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.RuntimeParams["application_name"] = "orders-" + name
	// The address of a pod that is gone does not answer: TCP would wait for two minutes.
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 10 * time.Second}
	config.ConnConfig.DialFunc = dialer.DialContext
	// Prepared statements don't go through a PgBouncer before 1.21. Without a pooler in between: leave this out.
	config.ConnConfig.PreferSimpleProtocol = true
	config.MaxConns = writers
	// A session to a standby stays where it is, also when that is the primary by now, or another one has come.
	config.MaxConnLifetime = 5 * time.Minute
	config.HealthCheckPeriod = 10 * time.Second
	// The application starts, too, when the database is away.
	config.LazyConnect = true
	return pgxpool.ConnectConfig(context.Background(), config)
}

// What PgBouncer says that will not be otherwise in a minute: its SQLSTATE is the same for everything.
var final = regexp.MustCompile("authentication failed|no such (user|database)|unsupported startup parameter")

// An error that neither a server nor the connection is to blame for.
type ofProgram struct{ error }

// Whether the same may succeed on another connection, or a little later on this one.
func isWorthAnotherTry(err error) bool {
	var own ofProgram
	if errors.As(err, &own) {
		return false
	}
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		// No server said it: the connection broke, none could be made, or the time of this attempt is up.
		return true
	}
	switch said.Code {
	case "57P01", "57P02", "57P03", "57P05": // shut down, crashed, starting up, idle for too long
		return true
	case "25006": // read-only: the session is on a standby, or on a former primary
		return true
	case "40001", "40P01": // serialization, a read in the way of replay; deadlock
		return true
	case "55P03": // a lock is held: perhaps by an earlier attempt whose commit still waits for a standby
		return true
	case "08P01": // PgBouncer has no server, or wants none for this client
		return !final.MatchString(said.Message)
	case "53300": // too many connections
		return true
	}
	// Connection lost.
	return strings.HasPrefix(said.Code, "08")
}

type work func(context.Context, pgx.Tx) error

// Does the work on a connection of the pool, in one transaction.
func once(pool *pgxpool.Pool, do work) error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	connection, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// One that is closed by then is thrown away.
	defer connection.Release()
	err = connection.BeginFunc(ctx, func(tx pgx.Tx) error { return do(ctx, tx) })
	var said *pgconn.PgError
	if errors.As(err, &said) {
		if said.Code == "25006" {
			// Another one is made to where the Service leads now; this one stays read-only.
			connection.Conn().Close(ctx)
		}
	} else if err != nil && !connection.Conn().IsClosed() {
		return ofProgram{err}
	}
	return err
}

// Does the work again and again until it was committed.
func untilDone(pool *pgxpool.Pool, do work, retries *int) error {
	end := time.Now().Add(giveUp)
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := once(pool, do)
		if err == nil || !isWorthAnotherTry(err) || time.Now().After(end) {
			return err
		}
		*retries++
		if pause > time.Second {
			pause = time.Second
		}
		fmt.Fprintf(os.Stderr, "again in up to %s: %v\n", pause, err)
		// Not all clients at the same moment.
		time.Sleep(pause/2 + time.Duration(rand.Int63n(int64(pause/2))))
	}
}

func writeOrder(pool *pgxpool.Pool, writer string, number int, retries *int) error {
	// Made once, before the first attempt. A commit whose answer was lost may have happened: the next attempt then
	// inserts nothing, and whatever else the transaction does has to be left out.
	key, err := uuid.NewV4()
	if err != nil {
		return err
	}
	const insert = "insert into orders (id, writer, number) values ($1, $2, $3) on conflict (id) do nothing"
	return untilDone(pool, func(ctx context.Context, tx pgx.Tx) error {
		inserted, err := tx.Exec(ctx, insert, key.String(), writer, number)
		if err == nil && inserted.RowsAffected() == 0 {
			// It is there, but a standby may not have it: when the time of an attempt is up pgx cancels what it waits
			// for, and a commit that waited for a standby is seen by all. Only a commit that writes waits, for itself and
			// for all before it.
			_, err = tx.Exec(ctx, "update orders set number = number where id = $1", key.String())
		}
		return err
	}, retries)
}

func write(ctx context.Context, pool *pgxpool.Pool, report *written) error {
	last := time.Now()
	for ctx.Err() == nil {
		if err := writeOrder(pool, report.Writer, report.Acknowledged+1, &report.Retries); err != nil {
			return err
		}
		report.Acknowledged++
		if gap := time.Since(last).Milliseconds(); gap > report.LongestGapMs {
			report.LongestGapMs = gap
		}
		last = time.Now()
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

func read(ctx context.Context, pool *pgxpool.Pool, report *seen) error {
	for ctx.Err() == nil {
		var fromStandby bool
		var count int
		err := untilDone(pool, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, "select pg_is_in_recovery(), count(*) from orders").Scan(&fromStandby, &count)
		}, &report.Retries)
		if err != nil {
			return err
		}
		report.Reads++
		if fromStandby {
			report.FromStandbys++
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

type written struct {
	Writer       string `json:"writer"`
	Acknowledged int    `json:"acknowledged"`
	Retries      int    `json:"retries"`
	LongestGapMs int64  `json:"longest_gap_ms"`
}

type seen struct {
	Reads        int `json:"reads"`
	FromStandbys int `json:"from_standbys"`
	Retries      int `json:"retries"`
}

type report struct {
	Writers []*written `json:"writers"`
	Reader  *seen      `json:"reader"`
	Error   *string    `json:"error"`
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// A server that can't write is no server for writes: such a session is refused while it is made.
	writes, err := openPool("write", "target_session_attrs=read-write")
	if err != nil {
		return err
	}
	defer writes.Close()
	reads, err := openPool("read", "host="+os.Getenv("READ_HOST"))
	if err != nil {
		return err
	}
	defer reads.Close()

	all := report{Reader: &seen{}}
	var tasks sync.WaitGroup
	var once sync.Once
	start := func(task func() error) {
		tasks.Add(1)
		go func() {
			defer tasks.Done()
			if err := task(); err != nil {
				once.Do(func() { words := err.Error(); all.Error = &words })
				stop()
			}
		}()
	}
	for n := 0; n < writers; n++ {
		one := &written{Writer: fmt.Sprintf("%s-%d", variable("WRITER", "go"), n)}
		all.Writers = append(all.Writers, one)
		start(func() error { return write(ctx, writes, one) })
	}
	start(func() error { return read(ctx, reads, all.Reader) })
	// What is under way is finished; nothing new is begun.
	tasks.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		return err
	}
	if all.Error != nil {
		return errors.New(*all.Error)
	}
	return nil
}

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func seconds(name string, otherwise int) time.Duration {
	if value, err := strconv.Atoi(os.Getenv(name)); err == nil {
		otherwise = value
	}
	return time.Duration(otherwise) * time.Second
}

func main() {
	// Go before 1.20 gives every process the same numbers, and so the same pauses.
	rand.Seed(time.Now().UnixNano())
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
