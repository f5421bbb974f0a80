// Writes orders through the write Service and reads through the read Service, until it is told to end (SIGTERM, Ctrl-C).
//
// PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD lead to the write Service; READ_HOST is the read Service. (The driver
// reads none of them but PGPASSFILE: so the program does.) What it has done is its last line, as JSON.

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;

public class App {
    static final int WRITERS = 2;
    /** So long a write or a read is tried before whoever asked for it gets the error. */
    static final long GIVE_UP_MS = 1000 * Long.parseLong(variable("GIVE_UP_SECONDS", "60"));

    /** What PgBouncer says that will not be otherwise in a minute: its SQLSTATE is the same for everything. */
    static final Pattern FINAL = Pattern.compile(
            "authentication failed|no such (user|database)|unsupported startup parameter");

    static final CountDownLatch stop = new CountDownLatch(1);
    static final AtomicReference<String> failed = new AtomicReference<>();

    static HikariDataSource openPool(String name, String host, String targetServerType) {
        HikariConfig config = new HikariConfig();
        config.setPoolName(name);
        config.setJdbcUrl("jdbc:postgresql://" + host + ":" + variable("PGPORT", "5432") + "/" + variable("PGDATABASE", ""));
        config.setUsername(variable("PGUSER", ""));
        config.setPassword(System.getenv("PGPASSWORD"));
        config.addDataSourceProperty("ApplicationName", "orders-" + name);
        // "primary": a server that can't write is no server for writes: such a session is refused while it is made.
        config.addDataSourceProperty("targetServerType", targetServerType);
        // The address of a pod that is gone does not answer: TCP would wait for two minutes.
        config.addDataSourceProperty("connectTimeout", "5");
        config.addDataSourceProperty("loginTimeout", "10");
        // A server that vanished with its node says nothing either. This ends nothing on the server: the role's
        // statement_timeout (schema.sql) is below it, and comes first.
        config.addDataSourceProperty("socketTimeout", "15");
        config.addDataSourceProperty("tcpKeepAlive", "true");
        // Prepared statements don't go through a PgBouncer before 1.21. Without a pooler in between: leave this out.
        config.addDataSourceProperty("prepareThreshold", "0");
        config.setAutoCommit(false);
        config.setMinimumIdle(1);
        config.setMaximumPoolSize(WRITERS);
        config.setIdleTimeout(60_000);
        // So long a caller waits for a connection, before it tries again or gives up.
        config.setConnectionTimeout(5_000);
        // A session to a standby stays where it is, also when that is the primary by now, or another one has come.
        config.setMaxLifetime(300_000);
        // The application starts, too, when the database is away.
        config.setInitializationFailTimeout(-1);
        return new HikariDataSource(config);
    }

    /** Whether the same may succeed on another connection, or a little later on this one. */
    static boolean isWorthAnotherTry(SQLException error) {
        String state = error.getSQLState();
        if (state == null) {
            // HikariCP had no connection to give, and no attempt to make one had failed yet. After one that has failed
            // its error has the SQLSTATE of that.
            return error instanceof SQLTransientConnectionException;
        }
        if (state.equals("08P01") && FINAL.matcher(words(error)).find()) {
            return false;
        }
        return state.startsWith("08") // connection lost; also what PgBouncer says when it has no server
                // shut down, crashed, starting up, idle for too long
                || Set.of("57P01", "57P02", "57P03", "57P05").contains(state)
                || state.equals("25006") // read-only: the session is on a standby, or on a former primary
                || Set.of("40001", "40P01").contains(state) // serialization, a read in the way of replay; deadlock
                || state.equals("55P03") // a lock is held: perhaps by an earlier attempt whose commit waits for a standby
                || state.equals("53300"); // too many connections
    }

    /** With what the server said: HikariCP's own error only says that there was no connection. */
    static String words(Throwable error) {
        return error.getCause() == null ? error.toString() : error + ": " + error.getCause().getMessage();
    }

    interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    /** Does the work on a connection of the pool, in one transaction. */
    static <T> T once(HikariDataSource pool, Work<T> work) throws SQLException {
        // Closing gives it back to the pool, which rolls back what is not committed, and throws away what is broken.
        try (Connection connection = pool.getConnection()) {
            try {
                T result = work.on(connection);
                connection.commit();
                return result;
            } catch (SQLException error) {
                if ("25006".equals(error.getSQLState())) {
                    // Another one is made to where the Service leads now; this one stays read-only.
                    pool.evictConnection(connection);
                }
                throw error;
            }
        }
    }

    /** Does the work again and again until it was committed. */
    static <T> T untilDone(HikariDataSource pool, Work<T> work, Report report) throws SQLException, InterruptedException {
        long giveUp = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(GIVE_UP_MS);
        for (long pause = 50; ; pause = Math.min(pause * 2, 1000)) {
            try {
                return once(pool, work);
            } catch (SQLException error) {
                if (!isWorthAnotherTry(error) || System.nanoTime() > giveUp) {
                    throw error;
                }
                report.retries++;
                System.err.printf("again in up to %d ms: %s%n", pause, words(error));
                // Not all clients at the same moment.
                Thread.sleep(ThreadLocalRandom.current().nextLong(pause / 2, pause));
            }
        }
    }

    static void writeOrder(HikariDataSource pool, String writer, int number, Report report) throws Exception {
        // Made once, before the first attempt. A commit whose answer was lost may have happened: the next attempt then
        // inserts nothing, and whatever else the transaction does has to be left out.
        UUID key = UUID.randomUUID();
        String insert = "insert into orders (id, writer, number) values (?, ?, ?) on conflict (id) do nothing";
        untilDone(pool, connection -> {
            try (var statement = connection.prepareStatement(insert)) {
                statement.setObject(1, key);
                statement.setString(2, writer);
                statement.setInt(3, number);
                if (statement.executeUpdate() == 1) {
                    return true;
                }
            }
            // It is there, but a standby may not have it: a commit that was cut off while it waited for one is seen by
            // all. Only a commit that writes waits, for itself and for all before it.
            try (var statement = connection.prepareStatement("update orders set number = number where id = ?")) {
                statement.setObject(1, key);
                return statement.executeUpdate() == 1;
            }
        }, report);
    }

    static void write(HikariDataSource pool, Report report) throws Exception {
        long last = System.nanoTime();
        while (!stop.await(20, TimeUnit.MILLISECONDS)) {
            writeOrder(pool, report.writer, report.acknowledged + 1, report);
            long now = System.nanoTime();
            report.acknowledged++;
            report.longestGapMs = Math.max(report.longestGapMs, TimeUnit.NANOSECONDS.toMillis(now - last));
            last = now;
        }
    }

    static void read(HikariDataSource pool, Report report) throws Exception {
        String select = "select pg_is_in_recovery(), count(*) from orders";
        while (!stop.await(50, TimeUnit.MILLISECONDS)) {
            boolean fromStandby = untilDone(pool, connection -> {
                try (var statement = connection.createStatement(); var rows = statement.executeQuery(select)) {
                    rows.next();
                    return rows.getBoolean(1);
                }
            }, report);
            report.reads++;
            report.fromStandbys += fromStandby ? 1 : 0;
        }
    }

    /** Each is of one thread, and read when that has ended. */
    static class Report {
        String writer;
        int acknowledged, retries, reads, fromStandbys;
        long longestGapMs;
    }

    interface Task {
        void run() throws Exception;
    }

    static Thread start(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception error) {
                failed.compareAndSet(null, words(error));
                stop.countDown();
            }
        });
        thread.start();
        return thread;
    }

    public static void main(String[] arguments) throws Exception {
        // SIGTERM and Ctrl-C: the process ends when this hook has, so it waits until all is done.
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stop.countDown();
            try {
                main.join();
            } catch (InterruptedException ignored) {
                // It ends anyway.
            }
        }));
        List<Report> writers = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        Report reader = new Report();
        try (HikariDataSource writes = openPool("write", variable("PGHOST", "localhost"), "primary");
                HikariDataSource reads = openPool("read", variable("READ_HOST", "localhost"), "any")) {
            for (int n = 0; n < WRITERS; n++) {
                Report report = new Report();
                report.writer = variable("WRITER", "jdbc") + "-" + n;
                writers.add(report);
                threads.add(start(() -> write(writes, report)));
            }
            threads.add(start(() -> read(reads, reader)));
            stop.await();
            // What is under way is finished; nothing new is begun.
            for (Thread thread : threads) {
                thread.join();
            }
        }
        print(writers, reader);
        if (failed.get() != null) {
            // Not exit(), which waits for the hook, which waits for this thread.
            Runtime.getRuntime().halt(1);
        }
    }

    static void print(List<Report> writers, Report reader) {
        List<String> all = new ArrayList<>();
        for (Report it : writers) {
            all.add(String.format(Locale.ROOT,
                    "{\"writer\": %s, \"acknowledged\": %d, \"retries\": %d, \"longest_gap_ms\": %d}",
                    quoted(it.writer), it.acknowledged, it.retries, it.longestGapMs));
        }
        String read = String.format(Locale.ROOT, "{\"reads\": %d, \"from_standbys\": %d, \"retries\": %d}",
                reader.reads, reader.fromStandbys, reader.retries);
        System.out.printf("{\"writers\": [%s], \"reader\": %s, \"error\": %s}%n",
                String.join(", ", all), read, quoted(failed.get()));
        System.out.flush();
    }

    static String quoted(String text) {
        return text == null ? "null" : "\"" + text.replaceAll("[\\p{Cntrl}\"\\\\]", " ") + "\"";
    }

    static String variable(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }
}
