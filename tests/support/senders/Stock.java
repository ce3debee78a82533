import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.Executors;
import java.util.logging.Logger;

/** A stock service: `java -javaagent:… Stock.java PORT`. `/stock` asks its own `/shelf`; both log a line. */
public class Stock {
  private static final Logger LOG = Logger.getLogger("stock");
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  public static void main(String[] arguments) throws IOException {
    int port = Integer.parseInt(arguments[0]);
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.createContext("/stock", exchange -> {
      LOG.info("looking for " + exchange.getRequestURI().getQuery());
      answer(exchange, ask("http://127.0.0.1:" + port + "/shelf"));
    });
    server.createContext("/shelf", exchange -> {
      LOG.warning("the shelf is nearly empty");
      answer(exchange, "2 left");
    });
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.start();
  }

  private static String ask(String url) throws IOException {
    try {
      return CLIENT.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString()).body();
    } catch (InterruptedException interrupted) {
      throw new IOException(interrupted);
    }
  }

  private static void answer(HttpExchange exchange, String text) throws IOException {
    exchange.sendResponseHeaders(200, text.length());
    try (var body = exchange.getResponseBody()) {
      body.write(text.getBytes());
    }
  }
}
