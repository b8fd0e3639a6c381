/** An app that knows only api.openai.com.  Prints a line for each answer: HTTP version, status, and its body. */

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Chat {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] args) throws Exception {
        ask("");
        ask(",\"stream\":true");
    }

    private static void ask(String more) throws Exception {
        var body = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]" + more + "}";
        var request = HttpRequest.newBuilder(URI.create("https://api.openai.com/v1/chat/completions"))
            .header("content-type", "application/json")
            .header("authorization", "Bearer sk-hardcoded-in-the-app")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        var answer = CLIENT.send(request, BodyHandlers.ofString());
        var line = answer.body().replace("\n", "|");
        System.out.println(answer.version() + " " + answer.statusCode() + " " + line);
    }
}
